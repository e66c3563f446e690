// svcd --reap NAME: ends what is left of a service that has no supervisor any more.
#pragma once

#include "svcd/front/options.h"

namespace svc::daemon {

/// What svcd@NAME.service runs after its supervisor has ended (ExecStopPost=), and its companion
/// svcd-reap@NAME.service after a stop: one that comes between a crash and the next start runs no ExecStopPost=.
/// A supervisor that drained has left nothing, or what its workers had left behind. One that was killed, frozen
/// or about to be started again left its workers, which nobody else would end: systemd's KillMode=process
/// spares them.
///
/// It looks for them by their notify sockets and in the service's cgroup, which as ExecStopPost= it prepares for the
/// next start, too: whatever controllers its children have is taken from them. The next supervisor gives them back.
///
///   look ─ nothing → done
///     └─ ask systemd ─ the supervisor will be started again → done: they are the next one's
///          └─ lock ─ a supervisor holds it, for longer than a dying one would → refused
///               └─ SIGTERM, grace, SIGKILL (Leftovers) → look again, for what was forked meanwhile
///                    └─ some cannot be killed → refused
///
/// All of it takes less than the units' TimeoutStopSec=90s: whoever waited longest has a shorter grace.
///
/// Returns the exit status: 0, or 1 after a sentence in the log.
int reap(const Options& options);

} // namespace svc::daemon
