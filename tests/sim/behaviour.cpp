// What hooks, probes and workers that reload themselves do, by seed.
#include "world.h"

namespace svc::sim {

using namespace rollout;
using namespace std::chrono_literals;

void World::behave(const Action& action) {
    if (const auto* spawning = std::get_if<SpawnWorker>(&action))
        spawn(spawning->worker);
    else if (const auto* watching = std::get_if<WatchWorker>(&action))
        watch(*watching);
    else if (const auto* post_ready = std::get_if<RunPostReady>(&action))
        hook(post_ready->worker, HookPoint::post_ready);
    else if (const auto* reloading = std::get_if<ReloadWorker>(&action))
        reload(*reloading);
    else if (const auto* run = std::get_if<RunRolloutHook>(&action))
        rollout_hook(*run);
    else if (const auto* counting = std::get_if<CountConnections>(&action))
        count_connections(counting->worker);
    else if (const auto* reading = std::get_if<ReadOutput>(&action))
        read_output(reading->worker);
    else if (const auto* pre_stop = std::get_if<RunPreStop>(&action))
        hook(pre_stop->worker, HookPoint::pre_stop);
}

void World::hook(WorkerId id, HookPoint point) {
    const bool stopping = point == HookPoint::pre_stop || point == HookPoint::post_stop;
    // Only these two are bounded by policy; the mechanism ends the others itself.
    if (stopping && faults_ && random_.chance(10)) {
        count("hanging hook");
        return;
    }
    const bool succeeded = random_.chance(faults_ ? 80 : 100);
    answer_after(random_.between(Duration{0}, 3s),
                 [this, id, point, succeeded] { end_hook(id, point, succeeded); });
}

void World::end_hook(WorkerId id, HookPoint point, bool succeeded) {
    const State& state = believed();
    const auto worker = state.workers.find(id);
    if (worker == state.workers.end() || worker->second.running_hook != point)
        return; // it was cancelled
    const Spec& spec = state.revisions.at(worker->second.revision).spec;
    const bool failed = !succeeded && hook_of(spec, point)->on_failure == HookFailure::fail;
    if (failed)
        count("hook failed");
    if (failed && point == HookPoint::pre_start)
        processes_.erase(id);
    see(HookEnded{id, point, succeeded, "exit status 1", {}});
}

/// They fall, now and then; those of some workers never end, of some nobody can tell, and an answer may be lost.
void World::count_connections(WorkerId id) {
    const auto found = processes_.find(id);
    if (found == processes_.end())
        violated("5: the connections of a process that is gone are counted");
    Process& process = found->second;
    if (!process.retired)
        violated("the connections of a worker that stays are counted by policy");
    // The next supervisor does not know of a count whose answer was not published.
    if (process.counted_by == incarnation_ && process.counted_at && now_ - *process.counted_at < 1s)
        violated("connections are counted twice within a second");
    process.counted_at = now_;
    process.counted_by = incarnation_;
    if (!process.connections)
        process.connections = random_.below(4);
    if (faults_ && random_.chance(10)) {
        count("count lost");
        return;
    }
    if (random_.chance(id % 3 == 0 && faults_ ? 0 : 50) && *process.connections > 0)
        --*process.connections;
    ConnectionsCounted answer{id, process.connections};
    if (id % 5 == 0)
        answer.open.reset();
    count(!answer.open ? "connections unknown" : *answer.open == 0 ? "idle" : "connections open");
    answer_after(random_.between(1ms, 200ms), [this, answer] { see(answer); });
}

/// An answer may come late or be lost.
void World::read_output(WorkerId id) {
    if (faults_ && random_.chance(10)) {
        count("output lost");
        return;
    }
    answer_after(random_.between(Duration{0}, 2s), [this, id] {
        see(OutputRead{id, {"last words"}});
    });
}

void World::rollout_hook(const RunRolloutHook& run) {
    answer_after(random_.between(Duration{0}, 3s), [this, run] {
        const bool succeeded = !faults_ || random_.chance(70);
        const State& state = believed();
        if (!state.rollout || state.rollout->to != run.revision)
            return; // cancelled
        const HookSpec& spec = *hook_of(state.revisions.at(run.revision).spec.rollout, run.hook);
        const bool passes = succeeded || spec.on_failure == HookFailure::ignore;
        switch (run.hook) {
        case RolloutHook::before:
            prepared_ = prepared_ || passes;
            break;
        case RolloutHook::analysis:
            analysed_ = analysed_ || passes;
            break;
        case RolloutHook::after:
            concluded_ = concluded_ || passes;
            break;
        }
        count(std::string(describe(run.hook)) + (succeeded ? " passed" : " failed"));
        see(RolloutHookEnded{run.revision, run.hook, run.stage, succeeded, "too many errors", {}});
    });
}

void World::watch(const WatchWorker& action) {
    const WorkerId id = action.worker;
    if (action.kind == ProbeKind::live) {
        if (faults_ && random_.chance(15)) {
            answer_after(random_.between(1s, 40s),
                         [this, id] { probe_fails(id, ProbeKind::live); });
            if (random_.chance(30))
                answer_after(random_.between(2s, 50s),
                             [this, id] { probe_passes(id, ProbeKind::live); });
        }
        return;
    }
    // Of one that hangs nothing is heard but that it fails.
    const Quality quality = quality_of_launch(processes_.at(id).revision);
    const bool good = quality == Quality::good || quality == Quality::exits_within_min_ready;
    if (good && (!faults_ || random_.chance(90))) {
        answer_after(random_.between(1ms, 900ms),
                     [this, id, kind = action.kind] { probe_passes(id, kind); });
    } else {
        see(ProbeReported{id, action.kind, ProbeVerdict::failing, "Connection refused"});
        if (action.kind != ProbeKind::verify && random_.chance(50))
            answer_after(random_.between(1ms, 5s),
                         [this, id, kind = action.kind] { probe_fails(id, kind); });
    }
}

void World::probe_passes(WorkerId id, ProbeKind kind) {
    const auto found = processes_.find(id);
    if (found == processes_.end())
        return;
    Process& process = found->second;
    const Spec& spec = believed().revisions.at(process.revision).spec;
    const bool startup = kind == ProbeKind::startup;
    process.started_up = process.started_up || startup;
    const bool shown = kind == ProbeKind::ready ||
                       (startup && spec.ready.on == ReadyOn::notify && process.notified);
    const bool now_ready = verification_of(spec) ? kind == ProbeKind::verify : shown;
    if (now_ready && !process.ready_at)
        process.ready_at = now_;
    see(ProbeReported{id, kind, ProbeVerdict::passed, {}});
    count(kind == ProbeKind::verify ? "verified" : "probe passed");
}

void World::probe_fails(WorkerId id, ProbeKind kind) {
    if (!processes_.contains(id) || (!faults_ && kind == ProbeKind::live))
        return;
    count(std::string(describe(kind)) + " failed");
    see(ProbeReported{id, kind, ProbeVerdict::failed, "Connection refused"});
}

/// It does, says that it cannot, or dies over it.
void World::reload(const ReloadWorker& action) {
    const std::uint64_t fate = faults_ ? random_.below(100) : 100;
    if (!reloading_.empty())
        violated("7: two workers reload themselves at a time");
    reloading_.insert(action.worker);
    count(action.revert ? "revert" : "in-place reload");
    const Quality quality = quality_of_launch(action.revision);
    if (fate < 5) {
        after(random_.between(Duration{0}, 1s), [this, action, asked_by = incarnation_] {
            if (faults_)
                exits(action.worker);
            else if (asked_by == incarnation_)
                reloaded(action, true);
        });
        return;
    }
    const bool succeeds = fate >= 15 && quality == Quality::good;
    answer_after(random_.between(Duration{0}, 2s),
                 [this, action, succeeds] { reloaded(action, succeeds); });
}

void World::reloaded(const ReloadWorker& action, bool succeeded) {
    const State& state = believed();
    const auto found = processes_.find(action.worker);
    const auto worker = state.workers.find(action.worker);
    if (found == processes_.end() || worker == state.workers.end() ||
        worker->second.becoming != action.revision)
        return; // it is gone, or nobody waits for it any more
    reloading_.erase(action.worker);
    // One that could not is of the new revision as well: nobody knows what it runs.
    if (succeeded || !action.revert)
        found->second.revision = action.revision;
    if (succeeded)
        found->second.ready_at = now_;
    see(WorkerReloaded{action.worker, succeeded, "no READY=1", {}});
}

} // namespace svc::sim
