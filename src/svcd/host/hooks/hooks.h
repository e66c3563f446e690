// Hooks: what runs beside a worker or a rollout, at the points that a service file names.
#pragma once

#include "svcd/host/host_context.h"

#include <boost/asio/awaitable.hpp>

namespace svc::daemon {

struct HookVerdict {
    bool succeeded = false;
    std::string detail;              ///< why it failed
    std::vector<std::string> output; ///< of a failed exec: its last lines
};

/// What a hook is about.
struct HookSubject {
    std::shared_ptr<const rollout::Revision> revision;
    std::vector<std::string> environment; ///< "NAME=value", for exec
    int pidfd = -1;                       ///< of the worker's main process, for signal; -1: gone
    bool pass_output = true;              ///< what exec writes goes to our own stderr, too
};

/// A hook under way. Destroying it ends it, without a verdict: an exec hook's group gets SIGKILL, a
/// request's connection is closed.
class RunningHook {
public:
    virtual ~RunningHook() = default;
    /// The last lines that it wrote so far.
    [[nodiscard]] virtual std::vector<std::string> output() const { return {}; }
};

/// `ended` is called once, from the loop, and may destroy the hook.
std::unique_ptr<RunningHook> start_hook(HostContext& context, const rollout::Hook& hook,
                                        HookSubject subject,
                                        std::function<void(HookVerdict)> ended);

/// The same for what a coroutine does; it ends by being cancelled (terminal).
std::unique_ptr<RunningHook> start_conversation(HostContext& context,
                                                boost::asio::awaitable<Result<void>> conversation,
                                                std::function<void(HookVerdict)> ended);
/// And for what failed before it could begin.
std::unique_ptr<RunningHook> start_failure(HostContext& context, std::string detail,
                                           std::function<void(HookVerdict)> ended);

} // namespace svc::daemon
