// From an older revision to a new one that is the same.
#pragma once

#include "svcd/front/history_view.h"
#include "svcd/front/loader.h"

namespace svc::daemon {

/// Makes the revision that `svc undo` asks for; `older` 0: the default. Refused, with all that is
/// wrong, unless what it needs is there and unchanged: its executable (by path, as an open file or as a
/// copy), the program of an interpreter, the release directory, the directory and the user. Its
/// service.check is not run again: it was passed then, and it may not stand in the way back.
/// Reads only; changes nothing.
Loaded revive_revision(const HistoryView& view, rollout::RevisionNumber older, rollout::Cause cause,
                       WallTime now);

} // namespace svc::daemon
