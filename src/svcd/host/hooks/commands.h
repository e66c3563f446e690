// Commands: short-lived programs that the supervisor runs for itself (preflight checks, exec
// hooks), through svc-launch like a worker, with its credentials, directory and environment.
#pragma once

#include "rollout/revision.h"
#include "svcd/settings.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace svc::daemon {

struct CommandResult {
    bool succeeded = false;
    std::string how; ///< "exit status 1", "timed out after 10s", "cannot execute /x: …"
    std::vector<std::string>
        output; ///< last lines of stdout and stderr together, printable, bounded
};

struct CommandRequest {
    std::vector<std::string> command; ///< expanded argv
    const rollout::Revision* revision =
        nullptr; ///< credentials, directory, environment; must outlive the call
    std::vector<std::string> extra_environment; ///< "NAME=value"
    Duration timeout{};
};

} // namespace svc::daemon
