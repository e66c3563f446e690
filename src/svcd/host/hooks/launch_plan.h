// From a revision to the order that svc-launch carries out. Pure but for LANG, which is ours.
#pragma once

#include "rollout/revision.h"
#include "svcd/host/listeners/socket_protocols.h"
#include "wire/launch_order.h"

#include <map>
#include <string>
#include <vector>

namespace svc::daemon {

/// What a worker gets beyond its revision.
struct WorkerPlace {
    std::string service;
    std::uint32_t replica = 0;
    std::string notify_path;
    std::vector<PassedSocket> sockets;
    int stdout_index = -1; ///< among the fds sent; -1: our own
    int stderr_index = -1;
    int cgroup_index = -1; ///< of its cgroup's door; -1: it has none
    int ready_index = -1;  ///< of the fd that it is to say on that it is ready; -1: there is none
};

using Environment = std::map<std::string, std::string>;

/// What workers, hooks and checks of a revision have in common: a clean PATH, the user's HOME,
/// USER, LOGNAME and SHELL, our LANG, the service's variables, those of its environment files, and
/// SVC_SERVICE and SVC_REVISION. No variable of a socket or notify protocol is in it, not even one
/// that the service file sets: a wrong LISTEN_PID is worse than none.
Environment common_environment(const rollout::Revision& revision, const std::string& service);

/// What keeps the kernel from killing the supervisor for its memory is not for its workers, who use it: what
/// is below 0 is not inherited. To raise it to 0 again takes no privilege (proc(5)).
std::optional<int> oom_score_for(std::optional<int> wanted, int ours);

Result<wire::LaunchOrder> plan_worker(const rollout::Revision& revision, const WorkerPlace& place);
/// A hook or a check: `command` is argv, the program found with the environment's PATH. stdout and
/// stderr go to the first fd sent.
Result<wire::LaunchOrder> plan_command(const rollout::Revision& revision,
                                       const std::vector<std::string>& command,
                                       const Environment& environment);

/// `command` as wire::expand() reads it; for what the revision keeps as written (hooks).
std::vector<std::string> expand_release(std::vector<std::string> command,
                                        const std::string& release);

} // namespace svc::daemon
