// TimedHook: a hook as a service file has it, with its timeout.
#pragma once

#include "svcd/host/children/loop.h"
#include "svcd/host/hooks/hooks.h"

namespace svc::daemon {

/// One hook at a time. It ends with a verdict (the hook's own, or that it took too long), or without
/// one when it is cancelled or the next one is started.
class TimedHook {
public:
    explicit TimedHook(HostContext& context) : context_(context), deadline_(context.io) {}

    /// `ended` is called once, from the loop, and may start the next one.
    void start(const rollout::HookSpec& hook, HookSubject subject,
               std::function<void(HookVerdict)> ended);
    void cancel();
    /// Of one that runs: the last lines that it wrote so far.
    [[nodiscard]] std::vector<std::string> output() const;
    [[nodiscard]] bool runs() const { return ended_ != nullptr; }

private:
    void end(HookVerdict verdict);

    HostContext& context_;
    Alarm deadline_;
    std::unique_ptr<RunningHook> hook_;
    std::function<void(HookVerdict)> ended_;
};

} // namespace svc::daemon
