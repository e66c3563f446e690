// What an entry of the journal says besides its text, for an event of the service.
#pragma once

#include "os/journal.h"
#include "rollout/event.h"

namespace svc::daemon {

/// SVC_EVENT always; SVC_REVISION, SVC_WORKER, SVC_REPLICA and SVC_VERDICT where the event is about one;
/// SVC_ROLLOUT, the revision that a rollout leads to (`rollout`, 0: none is under way); MESSAGE_ID for what somebody
/// may want to be woken by (svcd(8)). Pure.
os::JournalFields fields_of(const rollout::Event& event, rollout::RevisionNumber rollout);

} // namespace svc::daemon
