#include "svcd/front/service_manager.h"

#include "base/text.h"
#include "wire/control.h"

#include <algorithm>
#include <unistd.h>

namespace svc::daemon {

namespace {

/// Between a deadline and what follows it: signals, reaping, the last message itself.
constexpr Duration margin = std::chrono::seconds(10);
/// Until a socket that was full is tried again.
constexpr auto retry_after = std::chrono::milliseconds(100);

void add_line(std::string& lines, const std::string& line) {
    if (!lines.empty())
        lines += '\n';
    lines += line;
}

std::string extend_line(Duration time) {
    return "EXTEND_TIMEOUT_USEC=" + std::to_string(time.count());
}

/// systemd takes a RELOADING=1 without the time of its moment for one of an older protocol.
std::string reloading_lines(Instant now) {
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.time_since_epoch().count());
}

/// Of READY, RELOADING and STOPPING in one datagram the manager takes the last: they are one key.
std::string_view key_of(std::string_view line) {
    const std::string_view key = line.substr(0, line.find('='));
    return key == "RELOADING" || key == "STOPPING" ? "READY" : key;
}

const rollout::Spec* spec_of(const rollout::State& state, rollout::RevisionNumber revision) {
    const auto found = state.revisions.find(revision);
    return found == state.revisions.end() ? nullptr : &found->second.spec;
}

/// One that is paused or held may stand still for days, and is no reload that the manager waits for.
bool moves(const rollout::State& state) {
    return state.rollout && !rollout::is_held(state);
}

/// From when the new revision's time counts: after a hold that ends by itself, that end.
Instant going_since(const rollout::State& state, const rollout::Spec& spec) {
    const rollout::Rollout& rollout = *state.rollout;
    if (!rollout.stage_reached || !rollout::is_staged(state))
        return rollout.progressed;
    const Duration hold = spec.rollout.stages.at(rollout.stage).hold.value_or(Duration::zero());
    return std::max(rollout.progressed, *rollout.stage_reached + hold);
}

/// When the work that is under way must have ended; the epoch: nothing is under way.
Instant last_deadline(const rollout::State& state) {
    Instant last{};
    if (state.rollout)
        if (const auto* spec = spec_of(state, state.rollout->to))
            last = going_since(state, *spec) + spec->rollout.progress_deadline + spec->stop.grace;
    const bool stopping = state.wanted != rollout::Wanted::run;
    for (const auto& [id, worker] : state.workers) {
        const auto* spec = spec_of(state, worker.revision);
        if (!rollout::has_process(worker) || spec == nullptr)
            continue;
        const Duration after =
            spec->stop.post_stop ? spec->stop.post_stop->timeout.value_or(Duration{}) : Duration{};
        if (worker.drain_began)
            last = std::max(last,
                            std::max(worker.stop_deadline, *worker.drain_began + spec->stop.grace) +
                                after);
        else if (stopping)
            last = std::max(last, worker.since + spec->stop.grace + after);
    }
    return last;
}

} // namespace

std::string ManagerStory::next(const rollout::State& state, Instant now) {
    std::string lines;
    const Phase before = phase_;
    const bool stopping = state.wanted != rollout::Wanted::run;
    if (stopping && phase_ != Phase::stopping) {
        phase_ = Phase::stopping;
        add_line(lines, "STOPPING=1");
    } else if (phase_ == Phase::starting && state.current != 0) {
        phase_ = Phase::running;
        add_line(lines, "READY=1\nMAINPID=" + std::to_string(::getpid()));
    } else if (phase_ == Phase::running && moves(state)) {
        phase_ = Phase::reloading;
        add_line(lines, reloading_lines(now));
    } else if (phase_ == Phase::reloading && !moves(state)) {
        phase_ = Phase::running;
        add_line(lines, "READY=1");
    }
    std::string status = printable(wire::summary_of(state), 200);
    if (status != status_ && !status.empty()) {
        status_ = std::move(status);
        add_line(lines, "STATUS=" + status_);
    }
    // systemd starts another timer in each of its states, and forgets what the last one was given
    // (service.c, service_extend_timeout()): a stop in a rollout has TimeoutStopSec= again.
    if (phase_ != before)
        extended_to_ = {};
    const Instant deadline = last_deadline(state);
    if (deadline == Instant{})
        extended_to_ = {};
    else if (deadline > extended_to_ + std::chrono::seconds(1) && deadline > now) {
        extended_to_ = deadline;
        add_line(lines, extend_line(deadline - now + margin));
    }
    return lines;
}

ServiceManager::ServiceManager(const boost::asio::any_io_executor& executor,
                               std::shared_ptr<const os::ManagerSocket> socket,
                               std::optional<Duration> watchdog)
    : socket_(std::move(socket)), retry_(executor), watchdog_(executor) {
    if (watchdog && socket_->present())
        answer_watchdog(*watchdog / 2);
}

void ServiceManager::answer_watchdog(Duration interval) {
    send("WATCHDOG=1");
    watchdog_.expires_after(interval);
    watchdog_.async_wait([this, interval](const boost::system::error_code& error) {
        if (!error)
            answer_watchdog(interval);
    });
}

void ServiceManager::update(const rollout::State& state, Instant now) {
    if (!socket_->present())
        return;
    if (const std::string lines = story_.next(state, now); !lines.empty())
        send(lines);
}

void ServiceManager::reload_was_nothing(Instant now) {
    if (!socket_->present() || !story_.is_quiet())
        return;
    // Two messages: of one systemd would take the last of these lines alone.
    send(reloading_lines(now));
    send("READY=1");
}

void ServiceManager::tell(const std::string& status, Duration time) {
    if (socket_->present())
        send("STATUS=" + printable(status, 200) + "\n" + extend_line(time + margin));
}

void ServiceManager::send(const std::string& lines) {
    std::size_t begin = 0;
    while (begin < lines.size()) {
        const auto end = std::min(lines.find('\n', begin), lines.size());
        const std::string line = lines.substr(begin, end - begin);
        begin = end + 1;
        std::erase_if(unsent_, [&](const std::string& old) { return key_of(old) == key_of(line); });
        unsent_.push_back(line);
    }
    send_unsent();
}

void ServiceManager::send_unsent() {
    if (socket_->send(join(unsent_, "\n"))) {
        unsent_.clear();
        retry_.cancel();
        return;
    }
    retry_.expires_after(retry_after); // and ends an earlier wait
    retry_.async_wait([this](const boost::system::error_code& error) {
        if (!error && !unsent_.empty())
            send_unsent();
    });
}

} // namespace svc::daemon
