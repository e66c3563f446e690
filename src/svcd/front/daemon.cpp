#include "svcd/front/daemon.h"

#include "os/clock.h"
#include "svcd/front/logging.h"
#include "svcd/front/revive.h"
#include "wire/codec.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::State;

namespace {

/// How long clients may take to read their last replies when the supervisor ends.
constexpr auto farewell_time = std::chrono::seconds(1);
constexpr int exit_file_wrong = 5;

/// The whole of what we know must survive a journey through text; a build for debugging tries it
/// after every step.
void verify_survives(const State& state) {
#ifdef SVC_VERIFY_STATE
    const auto parsed = wire::parse_state(wire::serialize_state(state));
    if (!parsed)
        fatal("the state cannot be read back: " + parsed.error().message);
    if (!(*parsed == state))
        fatal("the state reads back as another one");
#else
    static_cast<void>(state);
#endif
}

} // namespace

Daemon::Daemon(asio::io_context& io, Settings settings, os::ManagerSocket manager)
    : io_(io), settings_(std::move(settings)), manager_(io.get_executor(), std::move(manager)),
      admissions_(io.get_executor(), *this), methods_(*this), signals_(io), deadline_(io),
      farewell_(io) {}

Daemon::~Daemon() = default;

Result<void> Daemon::start(std::optional<gid_t> control_group) {
    listeners_ = std::make_unique<ListenerTable>(
        io_, settings_, [this](ListenerTable::News news, const std::string& text) {
            note(news == ListenerTable::News::damage ? rollout::EventKind::listener_damaged
                                                     : rollout::EventKind::listener,
                 text);
        });
    auto host = DaemonHost::make(io_, settings_, *listeners_, callbacks());
    if (!host)
        return host.error();
    host_ = std::move(*host);
    State state;
    state.service = settings_.name;
    // Numbers go on after what is on disk, readable or not.
    if (const auto known = host_->history().numbers(); !known.empty())
        state.next_revision = known.back() + 1;
    if (host_->history().last_completed(state.next_revision))
        state.fallback = rollout::Fallback::left;
    supervisor_ = std::make_unique<rollout::Supervisor>(std::move(state), *host_);

    // Before the first child, or its end would go unnoticed.
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : handled_signals) {
        signals_.add(number);
        sigaddset(&handled, number);
    }
    ::sigprocmask(SIG_UNBLOCK, &handled, nullptr);
    wait_for_signal();

    server_ = std::make_unique<ControlServer>(io_, methods_, make_authority(control_group));
    if (auto listening = server_->listen(settings_.runtime_dir + "/control"); !listening)
        return listening;
    auto booting = [this]() -> asio::awaitable<void> { co_await boot(); };
    asio::co_spawn(io_, booting, asio::detached);
    return {};
}

HostCallbacks Daemon::callbacks() {
    HostCallbacks all;
    all.observe = [this](rollout::Observation seen) { observe(std::move(seen)); };
    all.report = [this](const rollout::Event& event) { report(event); };
    all.settled = [this](const State& state) { settled(state); };
    all.finish = [this](int exit_status) { end(exit_status); };
    all.fall_back = [this](const std::string& why) {
        auto falling = [this, why]() -> asio::awaitable<void> { co_await fall_back_or_stop(why); };
        asio::co_spawn(io_, falling, asio::detached);
    };
    all.warn = [](const std::string& text) { spdlog::warn("{}", text); };
    return all;
}

// The step ---------------------------------------------------------------------------------------

void Daemon::observe(rollout::Observation observation) {
    const bool step_is_posted = supervisor_->has_unrecorded();
    supervisor_->observe(std::move(observation));
    if (step_is_posted)
        return;
    asio::post(io_, [this] {
        // An admission may have stepped meanwhile.
        if (supervisor_->has_unrecorded())
            step();
    });
}

void Daemon::step() {
    arm(supervisor_->step(os::now()));
}

void Daemon::arm(std::optional<Instant> wake_at) {
    if (phase() == Phase::ended)
        wake_at.reset();
    if (wake_at == armed_for_)
        return;
    armed_for_ = wake_at;
    if (!wake_at) {
        deadline_.cancel();
        return;
    }
    // steady_clock is CLOCK_MONOTONIC, as Instant is.
    deadline_.expires_at(std::chrono::steady_clock::time_point(wake_at->time_since_epoch()));
    deadline_.async_wait([this](const boost::system::error_code& error) {
        if (error)
            return;
        armed_for_.reset();
        step();
    });
}

void Daemon::settled(const State& state) {
    verify_survives(state);
    if (state.wanted != rollout::Wanted::run)
        admissions_.stop();
    manager_.update(state, os::now());
    events_.wake_all();
}

void Daemon::report(const rollout::Event& event) {
    log_event(events_.append(event, os::wall_now()));
}

void Daemon::note(rollout::EventKind kind, std::string text) {
    rollout::Event event;
    event.kind = kind;
    event.text = std::move(text);
    report(event);
}

// Admission --------------------------------------------------------------------------------------

Loaded Daemon::load(const rollout::Cause& cause) {
    if (cause.kind == rollout::CauseKind::signal)
        reload_waits_ = false;
    Loaded loaded = load_revision(settings_, cause, os::wall_now());
    candidate_executable_ = std::move(loaded.executable);
    return loaded;
}

Loaded Daemon::revive(rollout::RevisionNumber older, const rollout::Cause& cause) {
    Loaded loaded = revive_revision(history_view(), older, cause, os::wall_now());
    candidate_executable_ = std::move(loaded.executable);
    return loaded;
}

asio::awaitable<CommandResult> Daemon::check(const Loaded& candidate) {
    CommandRequest request;
    request.command = candidate.check;
    request.revision = &candidate.revision;
    request.timeout = candidate.revision.spec.process.check_timeout;
    manager_.tell("checking the new version: " + candidate.check.front(), request.timeout);
    co_return co_await host_->run(std::move(request));
}

Result<void> Daemon::open_listeners(const rollout::Spec& spec) {
    return listeners_->open(spec, state().next_revision); // the number that its revision gets
}

void Daemon::close_unused_listeners() {
    host_->close_unused_listeners(state());
}

void Daemon::request_rollout(rollout::Revision revision, bool supersede, bool immediate) {
    // It gets this number (rollout/record.cpp); what is not taken into the state is closed again.
    host_->hold_executable(state().next_revision, revision, std::move(candidate_executable_));
    rollout::RolloutRequested requested{std::move(revision), supersede, immediate};
    supervisor_->observe(std::move(requested));
    step();
}

void Daemon::request_scale_from_file(std::uint32_t replicas) {
    supervisor_->observe(rollout::ScaleRequested{replicas, true});
    step();
}

asio::awaitable<Admission> Daemon::admit(AdmissionRequest request) {
    const std::string cause = describe(request.cause);
    Admission admission = co_await admissions_.admit(std::move(request));
    if (admission.kind == Admission::Kind::refused) {
        const auto& mistakes = admission.mistakes;
        note(rollout::EventKind::refused, cause + " refused: " + admission.message +
                                              (mistakes.empty() ? "" : ": " + mistakes.front()));
        // The event has room for one.
        for (std::size_t index = 1; index < mistakes.size(); ++index)
            spdlog::error("{}", mistakes[index]);
    }
    leave_if_at_rest();
    co_return admission;
}

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

asio::awaitable<void> Daemon::reload_for_signal() {
    AdmissionRequest request;
    request.cause = {rollout::CauseKind::signal, "SIGHUP", ::geteuid()};
    const Admission admission = co_await admit(std::move(request));
    if (admission.kind == Admission::Kind::revision)
        spdlog::info("SIGHUP made revision {}", admission.revision);
}

// Requests ---------------------------------------------------------------------------------------

wire::ServiceStatus Daemon::status() const {
    wire::ServiceStatus status = wire::status_of(state(), os::now());
    const auto target = state().revisions.find(rollout::target_revision(state()));
    if (target != state().revisions.end())
        status.listeners = listeners_->status(target->second.spec);
    status.supervisor_pid = ::getpid();
    status.service_file = settings_.service_file;
    return status;
}

HistoryView Daemon::history_view() const {
    return HistoryView{state(), host_->history(), host_->executables()};
}

wire::HistoryReply Daemon::history() const {
    return list_revisions(history_view());
}

Result<wire::RevisionReply> Daemon::revision(rollout::RevisionNumber number) const {
    return show_revision(history_view(), number);
}

Result<wire::DiffReply> Daemon::diff(rollout::RevisionNumber from,
                                     rollout::RevisionNumber to) const {
    return diff_revisions(history_view(), from, to);
}

void Daemon::request(rollout::Observation asked) {
    supervisor_->observe(std::move(asked));
    step();
}

void Daemon::scale(std::uint32_t replicas) {
    request(rollout::ScaleRequested{replicas, false});
}

void Daemon::stop(bool now, std::string reason) {
    request(rollout::StopRequested{now, std::move(reason)});
}

Daemon::Phase Daemon::phase() const {
    if (exit_status_)
        return Phase::ended;
    if (state().wanted != rollout::Wanted::run)
        return Phase::stopping;
    return state().current == 0 ? Phase::booting : Phase::running;
}

// Signals and the end ----------------------------------------------------------------------------

void Daemon::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error)
            return;
        handle_signal(number);
        wait_for_signal();
    });
}

void Daemon::handle_signal(int number) {
    switch (number) {
    case SIGCHLD:
        host_->children_ended();
        break;
    case SIGHUP:
        if (!std::exchange(reload_waits_, true)) {
            auto reloading = [this]() -> asio::awaitable<void> { co_await reload_for_signal(); };
            asio::co_spawn(io_, reloading, asio::detached);
        }
        break;
    case SIGTERM:
    case SIGINT: {
        const std::string name = number == SIGTERM ? "SIGTERM" : "SIGINT";
        const bool again = phase() == Phase::stopping;
        observe(rollout::StopRequested{again, again ? "a second " + name : name});
        break;
    }
    case SIGQUIT:
        observe(rollout::StopRequested{true, "SIGQUIT"});
        break;
    case SIGUSR1:
        spdlog::info("SIGUSR1: there are no log files to reopen, the log goes to stderr");
        break;
    case SIGUSR2:
        spdlog::warn("SIGUSR2: this version cannot upgrade itself while it runs; "
                     "nothing was changed");
        break;
    default:
        break;
    }
}

void Daemon::end(int exit_status) {
    if (phase() == Phase::ended)
        return;
    exit_status_ = exit_status;
    deadline_.cancel();
    // Finish comes in the middle of a step: let it settle, and the waiting calls see it, first.
    asio::post(io_, [this] {
        admissions_.stop();
        events_.wake_all();
        listeners_->keep_only({});
        server_->finish([this] { leave_if_at_rest(); });
        farewell_.expires_after(farewell_time);
        farewell_.async_wait([this](const boost::system::error_code& error) {
            if (!error)
                io_.stop();
        });
    });
}

bool Daemon::at_rest() const {
    return (!server_ || server_->clients() == 0) && admissions_.idle();
}

void Daemon::leave_if_at_rest() {
    if (phase() == Phase::ended && at_rest())
        io_.stop();
}

} // namespace svc::daemon
