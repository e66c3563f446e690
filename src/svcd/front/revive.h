// From an older revision to a new one that is the same.
#pragma once

#include "svcd/front/admission.h"
#include "svcd/front/history_view.h"

namespace svc::daemon {

/// The older revision that is meant; `older` 0: the default. The error says why there is none, or why it
/// makes no sense now.
Result<HistoryEntry> choose_older(const HistoryView& view, rollout::RevisionNumber older);

/// Makes the revision that `svc undo` asks for from the one that was chosen. Refused, with all that is
/// wrong, unless what it needs is there and unchanged: its executable (by path, as an open file or as a
/// copy), the program of an interpreter, the release directory, the directory, the user, and, unless
/// request.as_it_is_now, its inputs.
///
/// One that served before needs no proof: its service.check is not run again, and `made_from` says that
/// the steps of its rollout are skipped. One that never completed is rolled out as any new one is: checked,
/// step by step. Reads only; changes nothing.
Loaded revive_revision(const HistoryView& view, HistoryEntry chosen,
                       const AdmissionRequest& request, WallTime now);

Loaded refuse_to_revive(std::string why);

} // namespace svc::daemon
