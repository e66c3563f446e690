// Launch: one worker in the making, and the steps that make it.
#pragma once

#include "launch/channel.h"

#include <span>
#include <string>
#include <vector>

namespace svc::launch {

/// Everything that the steps share. A step changes the process, not this, but for the pointers,
/// which must stay valid until the exec.
struct Launch {
    explicit Launch(wire::LaunchOrder the_order) : order(std::move(the_order)) {}

    /// Receives the fds, puts the first `order.inherited_fds` of them on 3, 4, …, another one on the
    /// number that the order names, and makes everything else close-on-exec, the channel included. Makes sure first that 0, 1 and 2
    /// are open, so that no fd received can land there.
    Result<void> take_fds(Channel& channel, std::size_t count);

    wire::LaunchOrder order;
    std::vector<UniqueFd> fds;            ///< as sent, wherever they are now
    std::vector<std::string> pid_entries; ///< "LISTEN_PID=4711"
    std::vector<char*> argument_pointers; ///< for execve(2), ended by a null pointer
    std::vector<char*> environment_pointers;
};

struct Step {
    wire::LaunchStep name;
    Result<void> (*perform)(Launch&);
};
/// In the order in which they have to be done; the reasons stand at the table.
std::span<const Step> steps();

// privileges.cpp
Result<void> raise_limits(Launch& launch);
Result<void> lower_limits(Launch& launch);
Result<void> set_nice(Launch& launch);
Result<void> set_oom_score(Launch& launch);
Result<void> set_credentials(Launch& launch);

// surroundings.cpp
Result<void> enter_process_group(Launch& launch);
Result<void> enter_cgroup(Launch& launch);
Result<void> set_umask(Launch& launch);
Result<void> enter_directory(Launch& launch);
Result<void> connect_stdio(Launch& launch);
Result<void> prepare_environment(Launch& launch);
Result<void> reset_signals(Launch& launch);

} // namespace svc::launch
