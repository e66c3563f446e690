#include "svcd/host/hooks/timed_hook.h"

#include <utility>

namespace svc::daemon {

void TimedHook::start(const rollout::HookSpec& hook, HookSubject subject,
                      std::function<void(HookVerdict)> ended) {
    cancel();
    ended_ = std::move(ended);
    hook_ = start_hook(context_, hook.what, std::move(subject),
                       [this](HookVerdict verdict) { end(std::move(verdict)); });
    if (hook.timeout)
        deadline_.after(*hook.timeout, [this, patience = *hook.timeout] {
            end({false, "it took longer than " + format_duration(patience), output()});
        });
}

std::vector<std::string> TimedHook::output() const {
    return hook_ ? hook_->output() : std::vector<std::string>();
}

void TimedHook::cancel() {
    deadline_.cancel();
    hook_.reset();
    ended_ = nullptr;
}

void TimedHook::end(HookVerdict verdict) {
    const auto then = std::exchange(ended_, nullptr);
    deadline_.cancel();
    // The hook is what called us; it may be destroyed from its own callback (hooks.h).
    hook_.reset();
    if (then)
        then(std::move(verdict));
}

} // namespace svc::daemon
