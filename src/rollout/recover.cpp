#include "rollout/recover.h"

#include "rollout/story.h"

#include <algorithm>
#include <array>

namespace svc::rollout {

namespace {

struct Recoverer {
    State& state;
    const Survivors& survivors;
    Instant now;
    std::vector<Event>& events;
    Recovery recovery{};

    const Spec& spec_of(const Worker& worker) { return state.revisions.at(worker.revision).spec; }
    bool runs(const Worker& worker) const { return survivors.running.contains(worker.id); }

    bool never_ran(const Worker& worker) const {
        return worker.phase < WorkerPhase::executing ||
               (worker.phase == WorkerPhase::executing && !runs(worker));
    }

    void recover_workers() {
        for (auto entry = state.workers.begin(); entry != state.workers.end();) {
            Worker& worker = entry->second;
            if (never_ran(worker)) {
                events.push_back(about(EventKind::worker_exited, worker,
                                       "was not started: its supervisor ended before"));
                entry = state.workers.erase(entry);
                continue;
            }
            if (!has_process(worker))
                worker.running_hook.reset();
            else if (runs(worker))
                take_over(worker);
            else
                note_end(worker);
            ++entry;
        }
    }

    void note_end(Worker& worker) {
        worker.running_hook
            .reset(); // as after any exit, none that was about a running worker goes on
        WorkerExited exited{worker.id, {}, {}};
        if (const auto known = survivors.ended.find(worker.id); known != survivors.ended.end())
            exited = known->second;
        if (exited.status.kind == ExitStatus::Kind::unknown)
            exited.status.detail = "ended while no supervisor ran, exit status unknown";
        record(state, exited, now, events);
    }

    void take_over(Worker& worker) {
        switch (worker.phase) {
        case WorkerPhase::executing:
            note_executed(worker);
            return;
        case WorkerPhase::starting:
            look_again(worker);
            return;
        case WorkerPhase::ready:
        case WorkerPhase::available:
            worker.watched.reset();
            worker.running_hook.reset(); // post-ready
            if (worker.becoming != 0)
                again(ReloadWorker{worker.id, worker.becoming, worker.becoming < worker.revision});
            return;
        case WorkerPhase::draining:
            worker.counting_since.reset();
            if (worker.running_hook)
                again(RunPreStop{worker.id});
            return;
        case WorkerPhase::stopping:
            worker.counting_since.reset();
            if (worker.signal_sent)
                return;
            worker.stop_deadline = std::max(worker.stop_deadline, now + spec_of(worker).stop.grace);
            again(SignalWorker{worker.id, spec_of(worker).stop.signal});
            return;
        case WorkerPhase::killing:
            again(KillWorker{worker.id, "is killed again: the supervisor ended meanwhile"});
            return;
        case WorkerPhase::preparing:
        case WorkerPhase::spawning:
        case WorkerPhase::spawned:
        case WorkerPhase::recording:
        case WorkerPhase::recorded:
        case WorkerPhase::exited:
        case WorkerPhase::finished:
            break;
        }
        fatal("take_over(): a worker that cannot run");
    }

    void again(Action action) { recovery.actions.push_back(std::move(action)); }

    /// Its launch may have been called off: then it was to be killed before its program began. For all
    /// that is known it has served meanwhile, so it gets its stop signal and its grace.
    void note_executed(Worker& worker) {
        record(state, WorkerExecuted{worker.id}, now, events);
        if (worker.retirement == Retirement::none) {
            look_again(worker);
            return;
        }
        worker.stop_deadline = std::max(worker.stop_deadline, now + spec_of(worker).stop.grace);
        enter(worker, WorkerPhase::draining, now);
    }

    /// READY=1 waits in its socket; a probe has to be put anew.
    void look_again(Worker& worker) {
        worker.watched.reset();
        const ReadySpec& ready = spec_of(worker).ready;
        const bool is_watched = ready.on != ReadyOn::notify && ready.on != ReadyOn::started;
        if (!worker.started_up || worker.verifying || is_watched)
            worker.start_deadline = std::max(worker.start_deadline, now + ready.timeout);
    }

    void recover_rollout() {
        if (!state.rollout)
            return;
        Rollout& rollout = *state.rollout;
        for (HookProgress* hook : {&rollout.before, &rollout.analysis, &rollout.after})
            if (*hook == HookProgress::running)
                *hook = HookProgress::due;
        if (!rollout.paused_at) // a pause stops that clock, and what it has run is kept
            rollout.progressed = now;
    }

    void recover_ends() {
        if (state.fallback == Fallback::asked)
            state.fallback = Fallback::due;
        // Finish was written and not done. What is left is as it was, or less: it is decided again.
        if (state.wanted == Wanted::ended)
            state.wanted = Wanted::stop_now;
    }
};

template <class... Kinds>
bool is_one_of(const Action& action) {
    return (std::holds_alternative<Kinds>(action) || ...);
}

} // namespace

Recovery recover(State& state, const Survivors& survivors, Instant now,
                 std::vector<Event>& events) {
    Recoverer recoverer{state, survivors, now, events};
    recoverer.recover_workers();
    recoverer.recover_rollout();
    recoverer.recover_ends();
    return std::move(recoverer.recovery);
}

bool leaves_traces(const Action& action) {
    return is_one_of<ReleaseWorker, RunPostReady, ReloadWorker, RetireWorker, RunPreStop,
                     SignalWorker, KillWorker, RunPostStop, BeginRollout, RollBack, PauseRollout,
                     RunRolloutHook, EndRollout, DropRevision>(action);
}

std::string unrest(const State& state) {
    for (const auto& [id, worker] : state.workers) {
        if (worker.running_hook)
            return "the " + std::string(describe(*worker.running_hook)) + " hook of " +
                   worker.name + " runs";
        if (worker.phase < WorkerPhase::starting)
            return worker.name + " is being started";
        if (worker.becoming != 0)
            return worker.name + " reloads itself";
    }
    if (!state.rollout)
        return {};
    const std::array hooks = {std::pair(RolloutHook::before, state.rollout->before),
                              std::pair(RolloutHook::analysis, state.rollout->analysis),
                              std::pair(RolloutHook::after, state.rollout->after)};
    for (const auto& [hook, progress] : hooks)
        if (progress == HookProgress::running)
            return std::string(describe(hook)) + " runs";
    return {};
}

} // namespace svc::rollout
