// The machine of a short story: what can happen to it, and what follows.
#include "trial.h"

#include "wire/codec.h"

#include <cstdio>
#include <utility>

namespace svc::sim {

using namespace rollout;

Trial::Trial(const Scenario& scenario, Brain brain, Scene scene)
    : scenario_(scenario), books_(std::move(scene.books)), now_(scene.now), wake_at_(scene.wake_at),
      brain_(brain) {
    supervisor_.emplace(std::move(scene.state), *this, brain_.policy);
}

Scene Trial::scene() const {
    return Scene{supervisor_->state(), books_, now_, wake_at_};
}

std::string Trial::written() const {
    return wire::serialize_state(supervisor_->state());
}

std::string Trial::unwritten() const {
    std::string text;
    const auto add = [&](std::int64_t number) { text += ',' + std::to_string(number); };
    add(now_.time_since_epoch().count());
    for (const auto& [id, process] : books_.processes)
        add(static_cast<std::int64_t>(id * 4096) + process.recorded + 2 * process.executed +
            4 * process.available + 8 * process.retired + 16 * process.signalled +
            32 * process.killed + 64 * process.watched + 128 * process.failing +
            256 * process.verifying + 512 * process.said_ready +
            1024 * books_.refused.contains(id));
    text += ';';
    for (const auto& [id, hook] : books_.hooks)
        add(static_cast<std::int64_t>(id));
    add(static_cast<std::int64_t>(books_.stages_passed));
    add(books_.promoted + 2 * books_.analysed + 4 * books_.prepared + 8 * books_.concluded +
        16 * books_.stage_reached.has_value() + 32 * books_.succeeded);
    add(books_.rollout_hook ? static_cast<std::int64_t>(*books_.rollout_hook) : -1);
    add(books_.reloading ? static_cast<std::int64_t>(books_.reloading->worker) : -1);
    return text;
}

void Trial::check_round_trip(const std::string& written) const {
    const State& state = supervisor_->state();
    const auto parsed = wire::parse_state(written);
    if (!parsed)
        throw Broken("state: " + parsed.error().message);
    if (!(*parsed == state))
        throw Broken("state: parse(serialize(state)) differs");
}

void Trial::make(const Move& move) {
    if (narrate)
        std::printf("> %s\n", describe(move).c_str());
    places_ = 0;
    ends_at_ = move.ends_at;
    if (ends_at_ > 0) {
        file_.emplace();
        file_->publish(supervisor_->state(), ledger()); // as the last step left it
    }
    happen(move);
    try {
        step();
    } catch (const Crash&) {
        ends_at_ = 0;
        crash();
    }
}

// What follows -----------------------------------------------------------------------------------

void Trial::step() {
    wake_at_ = supervisor_->step(now_);
    if (wake_at_ && *wake_at_ <= now_)
        throw Broken("6: step() wants to wake in the past");
}

/// The store of fds has a worker, or has no room for it.
void Trial::stored(WorkerId id, bool taken) {
    Books::Process& process = books_.processes.at(id);
    process.recorded = true;
    if (taken)
        books_.store.put(kept_worker(id));
    else
        books_.refused.insert(id);
    if (!brain_.habits.trusts_the_store)
        supervisor_->observe(WorkerRecorded{id});
}

void Trial::released(WorkerId id) {
    if (!books_.bad.contains(books_.processes.at(id).revision)) {
        books_.processes.at(id).executed = true;
        supervisor_->observe(WorkerExecuted{id});
        return;
    }
    books_.processes.erase(id);
    books_.store.release(kept_worker(id), brain_.habits);
    supervisor_->observe(
        LaunchFailed{id, 13, "exec", "cannot execute /bin/sim: Permission denied"});
}

void Trial::perform(const Action& action, const State& state) {
    const bool publishes = leaves_traces(action);
    if (publishes && !brain_.habits.publishes_late)
        publish(state);
    check(action, state);
    maybe_crash();
    do_it(action, state);
    if (publishes && brain_.habits.publishes_late) {
        maybe_crash();
        publish(state);
    }
    maybe_crash();
}

void Trial::do_it(const Action& action, const State& state) {
    if (const auto* launch = std::get_if<LaunchWorker>(&action)) {
        const Worker& worker = state.workers.at(launch->worker);
        books_.processes[launch->worker] = Books::Process{
            .revision = launch->revision, .replica = launch->replica, .name = worker.name};
        supervisor_->observe(WorkerSpawned{launch->worker, static_cast<Pid>(launch->worker)});
    } else if (const auto* recording = std::get_if<RecordWorker>(&action)) {
        publish(state);
        if (!scenario_.slow_store)
            stored(recording->worker, true);
        if (brain_.habits.trusts_the_store)
            supervisor_->observe(WorkerRecorded{recording->worker});
    } else if (const auto* release = std::get_if<ReleaseWorker>(&action)) {
        released(release->worker);
    } else if (const auto* retire = std::get_if<RetireWorker>(&action)) {
        if (retire->run_pre_stop)
            books_.hooks[retire->worker] = state.workers.at(retire->worker).name;
    } else if (const auto* pre_stop = std::get_if<RunPreStop>(&action)) {
        books_.hooks[pre_stop->worker] = state.workers.at(pre_stop->worker).name;
    } else if (const auto* watch = std::get_if<WatchWorker>(&action)) {
        (watch->kind == ProbeKind::verify ? books_.processes.at(watch->worker).verifying
                                          : books_.processes.at(watch->worker).watched) = true;
    } else if (const auto* reload = std::get_if<ReloadWorker>(&action)) {
        books_.reloading = *reload;
    } else if (const auto* read = std::get_if<ReadOutput>(&action)) {
        supervisor_->observe(OutputRead{read->worker, {}});
    } else if (const auto* signal = std::get_if<SignalWorker>(&action)) {
        books_.processes.at(signal->worker).signalled = true;
        supervisor_->observe(SignalSent{signal->worker});
    } else if (const auto* kill = std::get_if<KillWorker>(&action)) {
        books_.processes.at(kill->worker).killed = true;
    } else if (const auto* post_stop = std::get_if<RunPostStop>(&action)) {
        books_.hooks[post_stop->worker] = state.workers.at(post_stop->worker).name;
    } else if (const auto* cancel = std::get_if<CancelHook>(&action)) {
        books_.hooks.erase(cancel->worker);
    } else if (const auto* run = std::get_if<RunRolloutHook>(&action)) {
        books_.rollout_hook = run->hook;
    } else if (std::holds_alternative<RollBack>(action) ||
               std::holds_alternative<EndRollout>(action)) {
        books_.rollout_hook.reset();
    } else if (const auto* forget = std::get_if<ForgetWorker>(&action)) {
        books_.statuses.erase(forget->worker);
    } else if (const auto* drop = std::get_if<DropRevision>(&action)) {
        books_.store.release(kept_listener(drop->revision), brain_.habits);
    } else if (std::holds_alternative<Finish>(action)) {
        books_.finished = true;
    }
}

void Trial::report(const Event& event) {
    if (narrate)
        std::printf("    %s %s\n", event.worker_name.c_str(), event.text.c_str());
}

// The end of a story -----------------------------------------------------------------------------

/// All that happens by itself when nothing goes wrong; false: nothing does.
bool Trial::tend_machine() {
    for (const Move& move : moves()) {
        const auto process = books_.processes.find(move.worker);
        const bool told = process != books_.processes.end() &&
                          (process->second.signalled || process->second.killed);
        if (move.kind == MoveKind::becomes_ready || move.kind == MoveKind::hook_ends ||
            move.kind == MoveKind::rollout_hook_passes || move.kind == MoveKind::reload_succeeds ||
            move.kind == MoveKind::liveness_recovers || move.kind == MoveKind::stored ||
            move.kind == MoveKind::verified || (move.kind == MoveKind::exits && told)) {
            make(move);
            return true;
        }
    }
    if (!books_.reloading)
        return false;
    make(Move{MoveKind::reload_fails, books_.reloading->worker}); // of one that cannot run
    return true;
}

/// What waits for a person.
bool Trial::attend() {
    const State& state = supervisor_->state();
    if (state.wanted != Wanted::run || !state.rollout)
        return false;
    if (state.rollout->paused_at)
        make(Move{state.rollout->failure.empty() ? MoveKind::resume : MoveKind::abort});
    else if (state.rollout->stage_reached && !state.rollout->promoted && !wake_at_)
        make(Move{MoveKind::promote});
    else
        return false;
    return true;
}

void Trial::come_to_rest() {
    for (int moves_left = 300; moves_left > 0; --moves_left) {
        if (tend_machine() || attend())
            continue;
        if (!wake_at_) {
            check_rest();
            return;
        }
        make(Move{MoveKind::time_passes});
    }
    throw Broken("6: does not come to rest");
}

} // namespace svc::sim
