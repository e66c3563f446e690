// The first revision of a supervisor, and what it falls back to.
#include "svcd/front/daemon.h"

#include <unistd.h>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

constexpr int exit_file_wrong = 5;

} // namespace

asio::awaitable<void> Daemon::boot() {
    AdmissionRequest request;
    request.cause = {rollout::CauseKind::boot, "", ::geteuid()};
    request.has_fallback = state().fallback != rollout::Fallback::none;
    const bool has_fallback = request.has_fallback;
    Admission admission = co_await admit(std::move(request));
    const bool file_wrong = admission.error == wire::control_error::service_file;
    if (admission.kind == Admission::Kind::refused && phase() == Phase::booting && has_fallback)
        admission = co_await fall_back(admission.message);
    // Told to stop while it booted, the supervisor ends as any stopping one does.
    if (admission.kind == Admission::Kind::refused && phase() == Phase::booting)
        end(file_wrong ? exit_file_wrong : 1);
}

asio::awaitable<Admission> Daemon::fall_back(std::string why) {
    const auto last = host_->history().last_completed(state().next_revision);
    AdmissionRequest request;
    request.older = last ? last->number : 0;
    request.as_it_is_now = true; // nothing serves
    const std::string name = "revision " + std::to_string(*request.older);
    note(rollout::EventKind::history, "the service file's version could not be started (" + why +
                                          "): falling back to " + name +
                                          ", the last one that completed");
    request.cause = {rollout::CauseKind::boot,
                     name + " again, because the service file's version "
                            "could not be started",
                     ::geteuid()};
    co_return co_await admit(std::move(request));
}

asio::awaitable<void> Daemon::fall_back_or_stop(std::string why) {
    const Admission admission = co_await fall_back(why);
    if (admission.kind != Admission::Kind::refused || phase() != Phase::booting)
        co_return;
    rollout::StopRequested stop;
    stop.reason = why;
    stop.failed = true;
    observe(std::move(stop));
}

} // namespace svc::daemon
