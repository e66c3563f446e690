#include "svcd/host/in_place_reload.h"

#include "os/clock.h"

#include <utility>

namespace svc::daemon {

namespace {

HookVerdict failure(std::string detail, std::vector<std::string> output = {}) {
    return {false, std::move(detail), std::move(output)};
}

} // namespace

InPlaceReload::InPlaceReload(HostContext& context, Order order,
                             std::function<void(HookVerdict)> ended)
    : context_(context), order_(std::move(order)), ended_(std::move(ended)), began_(os::now()),
      hook_(context), deadline_(context.io) {
    deadline_.after(order_.patience, [this] { handle_timeout(); });
    hook_.start(order_.tell, order_.subject(),
                [this](HookVerdict verdict) { handle_told(std::move(verdict)); });
}

void InPlaceReload::hear(const wire::Notification& said) {
    if (stage_ == Stage::over)
        return;
    // Microseconds of CLOCK_MONOTONIC: the same clock as ours.
    if (said.reloading && (!said.monotonic || Instant(*said.monotonic) >= began_)) {
        said_reloading_ = true;
        said_ready_ = false;
    }
    if (said.ready && said_reloading_)
        said_ready_ = true;
    confirm_by_words();
}

void InPlaceReload::handle_told(HookVerdict verdict) {
    if (!verdict.succeeded) {
        finish(failure("it could not be told: " + verdict.detail, std::move(verdict.output)));
        return;
    }
    stage_ = Stage::confirming;
    if (order_.verify)
        verification_ = std::make_unique<Verification>(
            context_, *order_.verify, order_.subject,
            [this](HookVerdict answer) { handle_verified(std::move(answer)); });
    else
        confirm_by_words();
}

void InPlaceReload::confirm_by_words() {
    if (stage_ == Stage::confirming && !order_.verify && said_ready_)
        finish({true, {}, {}});
}

void InPlaceReload::handle_verified(HookVerdict verdict) {
    if (verdict.succeeded)
        finish(std::move(verdict));
    else
        refused_ = std::move(verdict);
}

void InPlaceReload::handle_timeout() {
    const std::string within = " within " + format_duration(order_.patience);
    if (stage_ == Stage::telling)
        finish(failure("it could not be told" + within, hook_.output()));
    else if (order_.verify && refused_.detail.empty())
        finish(failure("its verification was not done" + within, verification_->output()));
    else if (order_.verify)
        finish(failure("it was not verified" + within + ": " + refused_.detail,
                       std::move(refused_.output)));
    else if (said_reloading_)
        finish(failure("it said RELOADING=1, but not READY=1" + within));
    else
        finish(failure("it did not say RELOADING=1 and then READY=1" + within));
}

void InPlaceReload::finish(HookVerdict verdict) {
    stage_ = Stage::over;
    deadline_.cancel();
    hook_.cancel();
    verification_.reset();
    const auto then = std::exchange(ended_, nullptr);
    then(std::move(verdict));
}

} // namespace svc::daemon
