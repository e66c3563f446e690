// Hooks: what runs before a worker's stop signal and after its exit.
#pragma once

#include "svcd/host/host_context.h"

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
};

/// A hook under way. Destroying it ends it, without a verdict: an exec hook's group gets SIGKILL, a
/// request's connection is closed.
class RunningHook {
public:
    virtual ~RunningHook() = default;
};

/// `ended` is called once, from the loop, and may destroy the hook.
std::unique_ptr<RunningHook> start_hook(HostContext& context, const rollout::Hook& hook,
                                        HookSubject subject,
                                        std::function<void(HookVerdict)> ended);

} // namespace svc::daemon
