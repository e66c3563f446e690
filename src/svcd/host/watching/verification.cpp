#include "svcd/host/watching/verification.h"

#include <utility>

namespace svc::daemon {

namespace {

constexpr Duration between_questions = std::chrono::seconds(1);

} // namespace

Verification::Verification(HostContext& context, rollout::HookSpec verify,
                           std::function<HookSubject()> subject,
                           std::function<void(HookVerdict)> answered)
    : verify_(std::move(verify)), subject_(std::move(subject)), answered_(std::move(answered)),
      hook_(context), again_(context.io) {
    ask();
}

void Verification::ask() {
    hook_.start(verify_, subject_(),
                [this](HookVerdict verdict) { handle_answer(std::move(verdict)); });
}

void Verification::handle_answer(HookVerdict verdict) {
    if (!verdict.succeeded)
        again_.after(between_questions, [this] { ask(); });
    // The owner may destroy us in it: nothing here is touched after the call.
    const auto then = answered_;
    then(std::move(verdict));
}

} // namespace svc::daemon
