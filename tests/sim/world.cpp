// The simulated machine: what processes do, by seed.
#include "world.h"

#include <algorithm>
#include <cstdio>

namespace svc::sim {

using namespace rollout;
using namespace std::chrono_literals;

std::uint64_t Random::next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

Duration Random::between(Duration low, Duration high) {
    return low + Duration(static_cast<std::int64_t>(
                     below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

void Coverage::add(const Coverage& other) {
    for (const auto& [what, count] : other.counts)
        counts[what] += count;
}

World::World(Options options) : options_(options), random_(options.seed), fate_(~options.seed) {
    supervisor_.emplace(State{.service = "sim",
                              .fallback = options.seed % 2 == 0 ? Fallback::left : Fallback::none},
                        *this, options.policy);
    if (fate_.chance(25))
        crashes_left_ = 1 + fate_.below(4);
    if (fate_.chance(25))
        upgrades_left_ = 1 + fate_.below(4);
    if (crashes_left_ > 0)
        file_.emplace().publish(supervisor_->state(), {});
}

void World::narrate(const std::string& line) {
    if (!options_.narrate)
        return;
    const auto since = now_.time_since_epoch() - Duration(1000s);
    std::printf("%10.3f  %s\n", static_cast<double>(since.count()) / 1e6, line.c_str());
}

void World::after(Duration delay, std::function<void()> happen) {
    timeline_.push(Timed{now_ + delay, order_++, std::move(happen)});
}

void World::step() {
    if (!supervisor_)
        return; // nobody is there
    try {
        wake_at_ = supervisor_->step(now_);
    } catch (const Crash&) {
        crash();
        return;
    }
    if (wake_at_ && *wake_at_ <= now_)
        violated("step() wants to wake in the past");
    attend();
    maybe_succeed();
}

/// Lets things happen until `end`; with `until_quiet`, until nothing more will happen, which must be before `end`.
void World::advance_until(Instant end, bool until_quiet) {
    for (std::uint64_t steps = 0; !finished_; ++steps) {
        if (steps > 100'000)
            violated("6: the world never comes to rest");
        if (timeline_.empty() && !wake_at_)
            break;
        Instant next = wake_at_.value_or(Instant::max());
        if (!timeline_.empty())
            next = std::min(next, timeline_.top().at);
        if (next > end && until_quiet)
            violated("6: not at rest after hours without faults");
        if (next > end)
            break;
        now_ = std::max(now_, next);
        while (!timeline_.empty() && timeline_.top().at <= now_) {
            const auto happen = timeline_.top().happen;
            timeline_.pop();
            happen();
        }
        step();
    }
    if (!until_quiet)
        now_ = std::max(now_, end);
}

void World::run() {
    refused_signals_ = random_.chance(5) ? 80 : 2;
    ask_rollout(false);
    const Duration story = random_.between(1s, 90s);
    for (std::uint64_t requests = random_.below(8); requests > 0; --requests)
        after(random_.between(Duration{0}, story), [this] { ask_something(); });
    for (std::uint64_t noises = random_.below(6); noises > 0; --noises)
        after(random_.between(Duration{0}, story), [this] { noise(); });
    step();
    advance_until(now_ + story, false);

    faults_ = false;
    attend();
    let_it_rest();
    if (finished_)
        return;
    if (believed().wanted == Wanted::run) {
        check_end(believed());
        if (random_.chance(50))
            return;
        see(StopRequested{random_.chance(20), "SIGTERM"});
        step();
    }
    stop_what_runs();
}

/// Where workers are recycled it never rests for good; it must between two of them.
void World::let_it_rest() {
    advance_until(now_ + 6h, !recycles_);
    const auto rests = [&] {
        const State& state = believed();
        // One that cannot be killed may leave no room for a successor.
        const bool crowded =
            std::any_of(state.workers.begin(), state.workers.end(),
                        [](const auto& entry) { return cannot_be_killed(entry.second); });
        return std::all_of(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
            return crowded || (entry.second.phase == WorkerPhase::available &&
                               is_live(entry.second) && entry.second.stale.empty());
        });
    };
    for (int seconds = 0; !finished_ && recycles_ && (!supervisor_ || !rests()); ++seconds) {
        if (seconds > 600)
            violated("6: a worker is recycled without end");
        advance_until(now_ + 1s, false);
    }
}

/// A stop waits for workers that cannot be killed, and a second one does not.
void World::stop_what_runs() {
    advance_until(now_ + 2h, true);
    if (finished_)
        return;
    if (!all_unkillable())
        violated("6: a stop does not end");
    see(StopRequested{true, "a second SIGTERM"});
    step();
    advance_until(now_ + 2h, true);
    if (!finished_)
        violated("6: a second stop does not end");
}

// What the supervisor does to the machine -------------------------------------------------------

void World::perform(const Action& action, const State& state) {
    const bool publishes = leaves_traces(action);
    if (publishes && !options_.habits.publishes_late)
        publish(state);
    observe_action(action, state);
    maybe_crash("crash before an action");
    do_it(action, state);
    if (publishes && options_.habits.publishes_late) {
        maybe_crash("crash before a late publication");
        publish(state);
    }
    maybe_crash("crash after an action");
}

void World::do_it(const Action& action, const State& state) {
    if (const auto* launching = std::get_if<LaunchWorker>(&action)) {
        launch(*launching);
    } else if (const auto* recording = std::get_if<RecordWorker>(&action)) {
        record_worker(recording->worker, state);
    } else if (const auto* release = std::get_if<ReleaseWorker>(&action)) {
        release_process(release->worker);
        after(soon(), [this, id = release->worker] { execute(id); });
    } else if (const auto* retire = std::get_if<RetireWorker>(&action)) {
        if (retire->run_pre_stop)
            hook(retire->worker, HookPoint::pre_stop);
    } else if (const auto* signal = std::get_if<SignalWorker>(&action)) {
        stop_signal(signal->worker);
    } else if (const auto* killing = std::get_if<KillWorker>(&action)) {
        kill(killing->worker);
    } else if (const auto* post_stop = std::get_if<RunPostStop>(&action)) {
        hook(post_stop->worker, HookPoint::post_stop);
    } else if (const auto* forget = std::get_if<ForgetWorker>(&action)) {
        statuses_.erase(forget->worker);
    } else if (const auto* drop = std::get_if<DropRevision>(&action)) {
        store_.release(kept_listener(drop->revision), options_.habits);
    } else if (std::holds_alternative<FallBack>(action)) {
        fall_back();
    } else if (const auto* finish = std::get_if<Finish>(&action)) {
        finished_ = finish->exit_status;
    } else {
        behave(action);
    }
}

void World::report(const Event& event) {
    narrate(event.worker_name.empty()
                ? "revision " + std::to_string(event.revision) + " " + event.text
                : event.worker_name + " " + event.text);
    if (event.verdict)
        count("verdict " + std::to_string(static_cast<int>(*event.verdict)));
}

Quality World::quality_of_launch(RevisionNumber revision) {
    const Quality quality = qualities_.at(revision);
    // What completed once proved that it can run: without faults it does.
    if (!faults_ && (completed_.contains(revision) || quality == Quality::flaky))
        return Quality::good;
    if (quality != Quality::flaky)
        return quality;
    return static_cast<Quality>(random_.below(static_cast<std::uint64_t>(Quality::flaky)));
}

void World::launch(const LaunchWorker& action) {
    const WorkerId id = action.worker;
    processes_[id] =
        Process{.revision = action.revision, .replica = action.replica, .launcher = incarnation_};
    const Spec& spec = believed().revisions.at(action.revision).spec;
    if (spec.process.pre_start)
        hook(id, HookPoint::pre_start);
    else
        spawn(id);
}

void World::spawn(WorkerId id) {
    processes_.at(id).spawned = true;
    if (faults_ && random_.chance(2)) {
        count("spawn failure");
        processes_.erase(id);
        see(LaunchFailed{id, 11, "spawn", "cannot start svc-launch"});
        return;
    }
    const auto spawned = [this, id] {
        if (processes_.contains(id))
            see(WorkerSpawned{id, static_cast<Pid>(1000 + id)});
    };
    if (random_.chance(80))
        spawned();
    else
        answer_after(soon(), spawned);
}

void World::execute(WorkerId id) {
    if (!processes_.contains(id))
        return;
    const RevisionNumber revision = processes_.at(id).revision;
    const Quality quality = quality_of_launch(revision);
    if (quality == Quality::cannot_execute) {
        count("exec failure");
        fail_exec(id);
        return;
    }
    const Duration to_ready = random_.between(1ms, 900ms);
    // The exec's end-of-file and READY=1 come over two sockets: either can be read first.
    const Duration to_executed = random_.chance(10) ? to_ready + 1ms : Duration{0};
    if (processes_.at(id).launcher == incarnation_)
        answer_after(to_executed, [this, id] { see(WorkerExecuted{id}); });
    switch (quality) {
    case Quality::good:
        if (fate_.chance(3))
            after(to_ready, [this, id] { names_main(id); });
        if (faults_ && random_.chance(4)) {
            count("lost READY");
        } else {
            const bool late = faults_ && random_.chance(4);
            after(late ? 12s : to_ready, [this, id] { becomes_ready(id); });
        }
        if (faults_ && random_.chance(20))
            exits_after(id, random_.between(1s, 60s));
        return;
    case Quality::exits_before_ready:
        exits_after(id, random_.between(Duration{0}, 500ms));
        return;
    case Quality::exits_within_min_ready:
        after(to_ready, [this, id] { becomes_ready(id); });
        exits_after(id, to_ready + random_.between(Duration{0}, 500ms));
        return;
    case Quality::hangs_before_ready:
    case Quality::cannot_execute:
    case Quality::flaky:
        return;
    }
}

void World::becomes_ready(WorkerId id) {
    const auto found = processes_.find(id);
    if (found == processes_.end())
        return;
    Process& process = found->second;
    const Spec& spec = believed().revisions.at(process.revision).spec;
    process.started_up = process.started_up || !spec.ready.startup;
    process.notified = true;
    if (spec.ready.on == ReadyOn::notify && process.started_up && !process.ready_at &&
        !verification_of(spec))
        process.ready_at = now_;
    see(WorkerNotified{.worker = id, .ready = true, .status = "serving"});
}

/// MAINPID=
void World::names_main(WorkerId id) {
    const auto found = processes_.find(id);
    if (found == processes_.end())
        return;
    found->second.main = static_cast<Pid>(1'000'000 + id);
    count("named another main process");
    see(MainPidChanged{id, found->second.main});
}

void World::stop_signal(WorkerId id) {
    Process& process = processes_.at(id);
    process.signalled = true;
    see(SignalSent{id});
    if (faults_ && (random_.chance(10) || random_.chance(refused_signals_))) {
        count("ignored stop signal");
        return;
    }
    if (random_.chance(10))
        see(WorkerNotified{.worker = id, .stopping = true, .extend_timeout = 20s});
    exits_after(id, random_.chance(20) ? random_.between(5s, 30s) : random_.between(1ms, 2s));
}

void World::kill(WorkerId id) {
    Process& process = processes_.at(id);
    process.killed = true;
    if (!process.spawned) {
        processes_.erase(id);
        see(LaunchFailed{id, 0, "pre_start", "was called off"});
        return;
    }
    if (!faults_ || !random_.chance(refused_signals_)) {
        exits_after(id, random_.between(Duration{0}, 5ms));
        return;
    }
    count("refused SIGKILL");
    process.unkillable = true;
    see(KillFailed{id, "Operation not permitted"});
    if (random_.chance(50))
        exits_after(id, random_.between(1s, 600s)); // by the administrator's hand
}

void World::exits_after(WorkerId id, Duration delay) {
    after(delay, [this, id] { exits(id); });
}

void World::exits(WorkerId id) {
    const auto found = processes_.find(id);
    reloading_.erase(id);
    // It may have died otherwise meanwhile; and a crash that was planned for the time of faults is off.
    if (found == processes_.end())
        return;
    const bool ordered = found->second.retired || found->second.killed;
    if (!faults_ && !ordered && completed_.contains(found->second.revision))
        return;
    if (!ordered)
        count("died by itself");
    processes_.erase(found);
    ExitStatus status;
    status.kind = random_.chance(80) ? ExitStatus::Kind::code : ExitStatus::Kind::signal;
    status.value = status.kind == ExitStatus::Kind::code ? static_cast<int>(random_.below(2)) : 9;
    statuses_[id] = status;
    store_.release(kept_worker(id), options_.habits);
    see(WorkerExited{id, status, {"last words"}});
}

} // namespace svc::sim
