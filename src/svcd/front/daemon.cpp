#include "svcd/front/daemon.h"

#include "os/clock.h"
#include "svcd/front/log_digest.h"
#include "svcd/front/logging.h"
#include "svcd/host/survival/kept_names.h"
#include "wire/codec.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::State;

namespace {

/// How long clients may take to read their last replies when the supervisor ends.
constexpr auto farewell_time = std::chrono::seconds(1);
/// How long what the last workers left behind, and was killed, may take to be gone before we are.
constexpr Duration killed_bound = std::chrono::seconds(5);
/// Of one that leaves its workers to the next: no other end has this status, and svcd --reap spares them.
constexpr int exit_for_the_next = 75;
/// How long a restart waits for the store of fds.
constexpr Duration store_bound = std::chrono::seconds(5);

rollout::RevisionNumber rollout_under_way(const State& state) {
    return state.rollout ? state.rollout->to : 0;
}

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

Daemon::Daemon(asio::io_context& io, Settings settings, os::ManagerSocket manager, Passed passed)
    : io_(io), settings_(std::move(settings)), passed_(std::move(passed)),
      manager_socket_(std::make_shared<const os::ManagerSocket>(std::move(manager))),
      manager_(io.get_executor(), manager_socket_, settings_.watchdog), store_(io, manager_socket_),
      timelines_([this](const wire::Timeline& timeline) { store(timeline); }),
      admissions_(io.get_executor(), *this), methods_(*this), started_(os::wall_now()),
      metrics_server_(io, store_, [this] { return metrics(); }), signals_(io), deadline_(io),
      farewell_(io) {}

Daemon::~Daemon() = default;

Result<void> Daemon::start(std::optional<gid_t> control_group) {
    listeners_ = std::make_unique<ListenerTable>(
        io_, settings_, store_, std::move(passed_.sockets),
        [this](ListenerTable::News news, const std::string& text) {
            note(news == ListenerTable::News::damage ? rollout::EventKind::listener_damaged
                                                     : rollout::EventKind::listener,
                 text);
            // A repair may have moved a socket, outside of any step.
            if (news == ListenerTable::News::damage && supervisor_ && !steps_)
                host_->publish(state());
        });
    auto host = DaemonHost::make(io_, settings_, *listeners_, store_, callbacks());
    if (!host)
        return host.error();
    host_ = std::move(*host);
    if (!settings_.trial) // whoever tries a service knows
        spdlog::info("{}", host_->cgroups().describe());
    // Before the store is told what it holds: clients are not in it, and take no room there.
    auto clients = take_clients(passed_.kept);
    store_.know(passed_.kept.names());
    auto beginning = begin();
    if (!beginning)
        return beginning.error();
    supervisor_ = std::make_unique<rollout::Supervisor>(std::move(beginning->state), *host_);
    supervisor_->resume(std::move(beginning->actions));

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
    const std::string control = settings_.runtime_dir + "/control";
    if (server_->resume(control, passed_.kept.take(kept_control))) {
        store_.hold(kept_control, server_->fd());
    } else {
        if (auto listening = server_->listen(control); !listening)
            return listening;
        store_.put(kept_control, server_->fd());
    }
    if (clients)
        server_->take_over(std::move(*clients));
    else
        spdlog::warn("control clients of the program before this one are closed: {}",
                     clients.error().message);
    return go_on(beginning->taken_over);
}

HostCallbacks Daemon::callbacks() {
    HostCallbacks all;
    all.observe = [this](rollout::Observation seen) { observe(std::move(seen)); };
    all.report = [this](const rollout::Event& event) { report(event); };
    all.settled = [this](const State& state) { settled(state); };
    all.publish = [this] {
        if (supervisor_) // else it is published when it begins
            host_->publish(state());
    };
    all.finish = [this](int exit_status) { end(exit_status); };
    all.fall_back = [this](const std::string& why) {
        auto falling = [this, why]() -> asio::awaitable<void> { co_await fall_back_or_stop(why); };
        asio::co_spawn(io_, falling, asio::detached);
    };
    all.recorded = [this] {
        if (!steps_) // else it settles soon
            tell_manager(state());
        events_.wake_all();
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
    asio::post(io_, [this, due = os::now()] {
        latency_.add(os::now() - due);
        // An admission may have stepped meanwhile.
        if (supervisor_->has_unrecorded())
            step();
    });
}

void Daemon::step() {
    steps_ = true;
    const auto wake_at = supervisor_->step(os::now());
    steps_ = false;
    for (const rollout::Event& event : without_repeats(std::exchange(unlogged_, {})))
        log_event(event, rollout_under_way(state()));
    arm(wake_at);
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
        if (armed_for_)
            latency_.add(os::now() - *armed_for_);
        armed_for_.reset();
        step();
    });
}

void Daemon::settled(const State& state) {
    verify_survives(state);
    if (state.wanted != rollout::Wanted::run)
        admissions_.stop();
    tell_manager(state);
    timelines_.settled(state, os::now(), os::wall_now());
    metrics_server_.keep_only(metrics_addresses());
    events_.wake_all();
}

/// It takes READY=1 for a start or a reload that is over, which it is when a crash would not undo it.
void Daemon::tell_manager(const State& state) {
    if (host_->all_recorded() || state.wanted != rollout::Wanted::run)
        manager_.update(state, os::now());
}

void Daemon::report(const rollout::Event& event) {
    const rollout::Event& stamped = events_.append(event, os::wall_now());
    if (host_)
        host_->keep_event(stamped);
    if (supervisor_) {
        timelines_.happened(event, state(), os::now(), stamped.at);
        count_event(metric_totals(), event, state(), os::now());
    }
    // A step publishes when it has settled. No client may have seen what the next supervisor does not know.
    if (steps_) {
        unlogged_.push_back(stamped);
        return;
    }
    if (supervisor_)
        host_->publish(state());
    log_event(stamped, supervisor_ ? rollout_under_way(state()) : 0);
}

void Daemon::note(rollout::EventKind kind, std::string text) {
    rollout::Event event;
    event.kind = kind;
    event.text = std::move(text);
    report(event);
}

// Signals and the end ----------------------------------------------------------------------------

Daemon::Phase Daemon::phase() const {
    if (exit_status_)
        return Phase::ended;
    if (state().wanted != rollout::Wanted::run)
        return Phase::stopping;
    return state().current == 0 ? Phase::booting : Phase::running;
}

void Daemon::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error)
            return;
        handle_signal(number);
        wait_for_signal();
    });
}

void Daemon::handle_signal(int number) {
    // All that is left is the disk, and the hook that tells why the first rollout failed: it ends with us.
    if (phase() == Phase::ended && (number == SIGTERM || number == SIGINT || number == SIGQUIT)) {
        io_.stop();
        return;
    }
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
    case SIGINT:
        stop_for_signal(number == SIGTERM ? "SIGTERM" : "SIGINT");
        break;
    case SIGQUIT:
        observe(rollout::StopRequested{true, "SIGQUIT"});
        break;
    case SIGUSR1:
        if (const std::size_t files = host_->reopen_logs(); files > 0)
            spdlog::info("SIGUSR1: {} log file{} opened again", files, files == 1 ? "" : "s");
        else
            spdlog::info("SIGUSR1: there are no log files to reopen");
        break;
    case SIGUSR2: {
        auto upgrading = [this]() -> asio::awaitable<void> { co_await upgrade_for_signal(); };
        asio::co_spawn(io_, upgrading, asio::detached);
        break;
    }
    default:
        break;
    }
}

/// A stop, unless the manager is going to start us again: then the workers are the next supervisor's.
void Daemon::stop_for_signal(const std::string& name) {
    const bool again = phase() == Phase::stopping || job_ != nullptr;
    const auto unit = store_.present() && !again ? os::own_unit() : std::nullopt;
    if (!unit) {
        observe(rollout::StopRequested{again, again ? "a second " + name : name});
        return;
    }
    job_ = std::make_unique<ManagerJob>(io_, *unit, [this, name](UnitJob job) {
        if (phase() != Phase::stopping && job == UnitJob::start)
            leave();
        else
            observe(rollout::StopRequested{false, name});
        asio::post(io_, [this] { job_.reset(); });
    });
}

void Daemon::leave() {
    leaving_to_next_ = true;
    note(rollout::EventKind::supervisor,
         "this supervisor is restarted: the workers and the sockets go on without it until then");
    host_->publish(state());
    // Without destructors: they would end the workers.
    store_.barrier(store_bound, [this](bool kept) {
        if (!kept)
            spdlog::warn("the store of fds does not confirm what it was given: the next supervisor "
                         "may find less than there is");
        host_->publish(state());
        spdlog::shutdown();
        std::_Exit(exit_for_the_next);
    });
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
        metrics_server_.close();
        listeners_->keep_only({});
        if (leftovers_)
            leftovers_->kill();
        host_->give_up();
        server_->finish([this] { leave_if_at_rest(); });
        host_->when_recorded([this] {
            host_->cgroups().when_removed(killed_bound, [this] {
                if (state().failed)
                    host_->when_failure_told([this] { say_farewell(); });
                else
                    say_farewell();
            });
        });
    });
}

void Daemon::say_farewell() {
    leaving_ = true;
    leave_if_at_rest();
    farewell_.expires_after(farewell_time);
    farewell_.async_wait([this](const boost::system::error_code& error) {
        if (!error)
            io_.stop();
    });
}

bool Daemon::at_rest() const {
    return (!server_ || server_->clients() == 0) && admissions_.idle() && metrics_server_.idle();
}

void Daemon::leave_if_at_rest() {
    if (leaving_ && at_rest())
        io_.stop();
}

} // namespace svc::daemon
