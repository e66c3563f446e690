// tend_workers(): what each worker needs next, whatever the others do.
#include "rollout/planner.h"

namespace svc::rollout {

namespace {

void tend_launching(Planner& planner, const Worker& worker) {
    // Its program does not run yet: nothing can be drained, and the launcher knows no stop signal.
    if (worker.retirement != Retirement::none) {
        planner.act(KillWorker{worker.id, "its launch was called off"});
        return;
    }
    if (worker.phase == WorkerPhase::preparing && !worker.running_hook)
        planner.act(SpawnWorker{worker.id});
    else if (worker.phase == WorkerPhase::spawned)
        planner.act(RecordWorker{worker.id});
    else if (worker.phase == WorkerPhase::recorded)
        planner.act(ReleaseWorker{worker.id});
}

/// True if it failed.
bool fail_late_start(Planner& planner, const Worker& worker) {
    if (worker.retirement != Retirement::none || !planner.due(worker.start_deadline) ||
        planner.is_asked(worker))
        return false;
    planner.retire(worker, Retirement::failed,
                   late_start_text(worker, planner.spec_of(worker).ready));
    return true;
}

void watch(Planner& planner, const Worker& worker, ProbeKind kind) {
    if (worker.watched != kind)
        planner.act(WatchWorker{worker.id, kind});
}

void tend_starting(Planner& planner, const Worker& worker) {
    const ReadySpec& ready = planner.spec_of(worker).ready;
    if (awaits_readiness(worker, ready) && fail_late_start(planner, worker))
        return;
    if (!worker.started_up) {
        watch(planner, worker, ProbeKind::startup);
        return;
    }
    if (worker.verifying) {
        watch(planner, worker, ProbeKind::verify);
        return;
    }
    switch (ready.on) {
    case ReadyOn::notify:
        return;
    case ReadyOn::fd:
    case ReadyOn::probe:
    case ReadyOn::accepting:
    case ReadyOn::ipc:
        watch(planner, worker, ProbeKind::ready);
        return;
    case ReadyOn::started:
        if (planner.due(*worker.executed_at + ready.delay))
            planner.act(MarkReady{worker.id});
        return;
    }
    fatal("tend_starting(): no such readiness");
}

void watch_life(Planner& planner, const Worker& worker) {
    const LiveSpec& live = planner.spec_of(worker).live;
    if (live.probe || live.watchdog)
        watch(planner, worker, ProbeKind::live);
}

void tend_ready(Planner& planner, const Worker& worker) {
    watch_life(planner, worker);
    if (worker.post_ready_done) {
        // One that its hook or its probe found broken is about to be drained.
        if (worker.failing.empty() && planner.due(*worker.ready_at + planner.min_ready(worker)))
            planner.act(MarkAvailable{worker.id});
    } else if (!worker.running_hook) {
        planner.act(RunPostReady{worker.id});
    }
}

constexpr Duration between_counts = std::chrono::seconds(1);

/// Asks for the worker's connections, once in between_counts and never twice at a time.
void count_connections(Planner& planner, const Worker& worker) {
    if (!worker.counting_since &&
        (!worker.counted_at || planner.due(*worker.counted_at + between_counts)))
        planner.act(CountConnections{worker.id});
}

/// An unknown number is not 0: then the deadline alone ends the wait.
bool waits_for_idle(Planner& planner, const Worker& worker) {
    const StopSpec& stop = planner.spec_of(worker).stop;
    // One that never served has nothing to wait for.
    if (!stop.wait_idle || !worker.ready_at || planner.state.wanted == Wanted::stop_now ||
        worker.connections == 0U)
        return false;
    const Instant last = worker.stop_deadline - stop.min_stop;
    if (planner.due(std::min(worker.idle_deadline.value_or(last), last)))
        return false;
    count_connections(planner, worker);
    return true;
}

void tend_draining(Planner& planner, const Worker& worker) {
    const StopSpec& stop = planner.spec_of(worker).stop;
    if (worker.running_hook) {
        // The signal comes min_stop before SIGKILL, so that no worker dies without having seen it.
        if (planner.state.wanted == Wanted::stop_now ||
            planner.due(worker.stop_deadline - stop.min_stop))
            planner.act(CancelHook{worker.id, HookPoint::pre_stop});
        return;
    }
    if (!waits_for_idle(planner, worker))
        planner.act(SignalWorker{worker.id, stop.signal});
}

void tend_stopping(Planner& planner, const Worker& worker) {
    // What SIGKILL is to cut is counted shortly before it, so that it need not wait for an answer.
    constexpr Duration look_ahead = std::chrono::milliseconds(500);
    const bool counts = planner.spec_of(worker).stop.wait_idle && worker.ready_at;
    if (planner.due(worker.stop_deadline))
        planner.act(KillWorker{worker.id, "did not end within its grace period" +
                                              (counts ? cut_text(worker) : std::string())});
    else if (counts && planner.due(worker.stop_deadline - look_ahead))
        count_connections(planner, worker);
}

void tend_exited(Planner& planner, const Worker& worker) {
    const StopSpec& stop = planner.spec_of(worker).stop;
    if (worker.running_hook && worker.running_hook != HookPoint::post_stop) {
        planner.act(CancelHook{worker.id, *worker.running_hook});
        return;
    }
    if (worker.running_hook) {
        if (planner.state.wanted == Wanted::stop_now || planner.due(worker.stop_deadline))
            planner.act(CancelHook{worker.id, HookPoint::post_stop});
        return;
    }
    const bool ran = worker.executed_at.has_value();
    if (ran && stop.post_stop && planner.state.wanted != Wanted::stop_now)
        planner.act(RunPostStop{worker.id});
    else
        planner.act(ForgetWorker{worker.id});
}

void tend(Planner& planner, const Worker& worker) {
    switch (worker.phase) {
    case WorkerPhase::spawning:
        return; // the Host answers in any case
    case WorkerPhase::preparing:
    case WorkerPhase::spawned:
    case WorkerPhase::recorded:
        tend_launching(planner, worker);
        return;
    case WorkerPhase::recording:
    case WorkerPhase::executing:
        tend_launching(planner, worker);
        fail_late_start(planner, worker);
        return;
    case WorkerPhase::starting:
        tend_starting(planner, worker);
        return;
    case WorkerPhase::ready:
        tend_ready(planner, worker);
        return;
    case WorkerPhase::available:
        watch_life(planner, worker);
        return;
    case WorkerPhase::draining:
        tend_draining(planner, worker);
        return;
    case WorkerPhase::stopping:
        tend_stopping(planner, worker);
        return;
    case WorkerPhase::killing:
        return; // the exit will be seen, whoever brings it about
    case WorkerPhase::exited:
        tend_exited(planner, worker);
        return;
    case WorkerPhase::finished:
        planner.act(ForgetWorker{worker.id});
        return;
    }
    fatal("tend(): no such phase");
}

} // namespace

void tend_workers(Planner& planner) {
    for (const auto& [id, worker] : planner.state.workers)
        tend(planner, worker);
}

} // namespace svc::rollout
