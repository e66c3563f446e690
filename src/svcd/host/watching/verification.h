// Verification: the question whether a worker runs what its revision has (InPlaceSpec::verify).
#pragma once

#include "svcd/host/hooks/timed_hook.h"

namespace svc::daemon {

/// Asked at once, and again a second after each answer that is no, until it is yes. How long that may go on is
/// the caller's to say.
class Verification {
public:
    /// `subject`: as of when the hook starts. `answered` is called at each answer, from the loop, and may
    /// destroy the object.
    Verification(HostContext& context, rollout::HookSpec verify,
                 std::function<HookSubject()> subject, std::function<void(HookVerdict)> answered);
    Verification(const Verification&) = delete;
    Verification& operator=(const Verification&) = delete;

    /// Of a question that is not answered yet: the last lines that it wrote so far.
    [[nodiscard]] std::vector<std::string> output() const { return hook_.output(); }

private:
    void ask();
    void handle_answer(HookVerdict verdict);

    rollout::HookSpec verify_;
    std::function<HookSubject()> subject_;
    std::function<void(HookVerdict)> answered_;
    TimedHook hook_;
    Alarm again_;
};

} // namespace svc::daemon
