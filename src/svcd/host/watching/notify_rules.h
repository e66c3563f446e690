// Who may speak for a worker on its notify socket.
#pragma once

#include "rollout/spec.h"

#include <cstdint>
#include <sys/types.h>

namespace svc::daemon {

/// The processes of one worker, as numbers that were looked up through pidfds that we hold.
struct WorkerIdentity {
    pid_t leader = 0; ///< leads the process group that svc-launch made
    pid_t main = 0;   ///< MAINPID= may have moved it
    uid_t uid = 0;
};

/// The socket alone already names the worker; this only keeps its children from speaking for it
/// where the service file says so. A sender that was reaped before we read has no process group
/// left: with `group` its uid must do.
bool may_notify(rollout::NotifyAccess access, const WorkerIdentity& worker, pid_t sender,
                uid_t sender_uid);

/// Whether a process is one of the worker's: its first or its main process, a member of the process group
/// of either, or a descendant of the main process. One that is gone is not.
bool is_of_worker(const WorkerIdentity& worker, pid_t process);

/// MAINPID= may name a process of the worker's group, or a descendant of its present main process.
bool may_become_main(const WorkerIdentity& worker, pid_t candidate);

} // namespace svc::daemon
