// apply(): the intent of an action into the state, before the Host performs it.
#include "rollout/decide.h"
#include "rollout/story.h"

#include <algorithm>

namespace svc::rollout {

namespace {

struct Applier {
    State& state;
    Instant now;
    std::vector<Event>& events;

    Worker& worker(WorkerId id) { return state.workers.at(id); }
    const Spec& spec_of(const Worker& of) { return state.revisions.at(of.revision).spec; }
    void tell(EventKind kind, const Worker& of, std::string text) {
        events.push_back(about(kind, of, std::move(text)));
    }

    void operator()(const LaunchWorker& action) {
        const Spec& spec = state.revisions.at(action.revision).spec;
        while (state.replica_list.size() <= action.replica)
            state.replica_list.push_back(
                Replica{.index = static_cast<std::uint32_t>(state.replica_list.size())});
        Worker made;
        made.id = action.worker;
        made.revision = action.revision;
        made.replica = action.replica;
        made.attempt = state.replica_list[action.replica].launches[action.revision]++;
        made.name = name_of(made.revision, made.replica, made.attempt);
        made.since = made.launched_at = now;
        if (spec.process.pre_start) {
            made.phase = WorkerPhase::preparing;
            made.running_hook = HookPoint::pre_start;
        }
        made.start_deadline = now + spec.ready.timeout;
        state.next_worker = action.worker + 1;
        // A place came free: the time before it was spent waiting for old workers to drain.
        if (state.rollout && made.attempt == 0 && made.revision == target_revision(state))
            state.rollout->progressed = now;
        tell(EventKind::worker_launched, made, "is launched");
        state.workers.emplace(action.worker, std::move(made));
    }

    void operator()(const SpawnWorker& action) {
        Worker& one = worker(action.worker);
        one.start_deadline = now + spec_of(one).ready.timeout; // the hook had its own time
        enter(one, WorkerPhase::spawning, now);
    }

    void operator()(const RecordWorker& action) {
        enter(worker(action.worker), WorkerPhase::recording, now);
    }

    void operator()(const ReleaseWorker& action) {
        enter(worker(action.worker), WorkerPhase::executing, now);
    }

    void operator()(const MarkReady& action) {
        Worker& one = worker(action.worker);
        if (verification_of(spec_of(one))) {
            one.verifying = true;
            one.start_deadline = now + spec_of(one).ready.timeout; // the delay had its own time
            return;
        }
        one.ready_at = now;
        enter(one, WorkerPhase::ready, now);
        tell(EventKind::worker_ready, one, "counts as ready: it runs");
    }

    void operator()(const WatchWorker& action) { worker(action.worker).watched = action.kind; }

    void operator()(const RunPostReady& action) {
        worker(action.worker).running_hook = HookPoint::post_ready;
    }

    void operator()(const RecycleWorker& action) {
        worker(action.worker).stale = action.reason;
        tell(EventKind::worker_recycled, worker(action.worker),
             "gets a successor: " + action.reason);
    }

    void operator()(const ReloadWorker& action) {
        worker(action.worker).becoming = action.revision;
        tell(EventKind::worker_reloaded, worker(action.worker),
             action.revert ? "is told to go back to " + revision_text(action.revision)
                           : "is told to reload itself as " + revision_text(action.revision));
    }

    void operator()(const MarkAvailable& action) {
        Worker& one = worker(action.worker);
        one.available_at = now;
        enter(one, WorkerPhase::available, now);
        if (state.rollout &&
            available_workers(state, target_revision(state)) > state.rollout->most_available)
            progress();
        tell(EventKind::worker_available, one, "is available");
    }

    void progress() {
        state.rollout->progressed = now;
        state.rollout->most_available = available_workers(state, target_revision(state));
    }

    void operator()(const RetireWorker& action) {
        Worker& one = worker(action.worker);
        one.retirement = action.why;
        one.retirement_reason = action.reason;
        one.drain_began = now;
        one.stop_deadline = now + spec_of(one).stop.grace;
        one.becoming = 0;
        one.watched.reset();
        if (action.run_pre_stop)
            one.running_hook = HookPoint::pre_stop;
        else if (one.running_hook == HookPoint::post_ready)
            one.running_hook.reset();
        // Before the exec is confirmed there is no program yet that could drain: decide() kills it.
        if (one.phase >= WorkerPhase::starting)
            enter(one, WorkerPhase::draining, now);
        tell(EventKind::worker_retired, one, action.reason);
        // Now and not at its end: it may be stuck for all of its grace period, and its successor is not to
        // wait for that, but for the backoff.
        if (action.why == Retirement::failed)
            note_failure(state, one, now, events);
    }

    void operator()(const CancelHook& action) {
        worker(action.worker).running_hook.reset();
        if (action.point == HookPoint::post_stop)
            enter(worker(action.worker), WorkerPhase::finished, now);
        tell(EventKind::hook_failed, worker(action.worker),
             std::string(describe(action.point)) + " hook was ended before it was done");
    }

    void operator()(const RunPreStop& action) {
        Worker& one = worker(action.worker);
        one.running_hook = HookPoint::pre_stop;
        one.stop_deadline = std::max(one.stop_deadline, now + spec_of(one).stop.grace);
    }

    void operator()(const CountConnections& action) {
        Worker& one = worker(action.worker);
        const StopSpec& stop = spec_of(one).stop;
        if (one.phase == WorkerPhase::draining && !one.idle_deadline)
            one.idle_deadline =
                std::min(now + stop.wait_idle.value(), one.stop_deadline - stop.min_stop);
        one.counting_since = now;
    }

    void operator()(const ReadOutput& action) {
        constexpr Duration longest = std::chrono::seconds(3); // a journal has its own bound of 2 s
        worker(action.worker).output_due = now + longest;
    }

    void operator()(const SignalWorker& action) {
        Worker& one = worker(action.worker);
        const std::string why = one.idle_deadline ? stop_text(one) : std::string();
        enter(one, WorkerPhase::stopping, now);
        tell(EventKind::worker_stopping, one, "is told to stop" + why);
    }

    void operator()(const KillWorker& action) {
        Worker& one = worker(action.worker);
        if (one.running_hook == HookPoint::pre_start)
            one.running_hook.reset();
        enter(one, WorkerPhase::killing, now);
        tell(EventKind::worker_killed, one, action.reason);
    }

    void operator()(const RunPostStop& action) {
        Worker& one = worker(action.worker);
        one.running_hook = HookPoint::post_stop;
        one.stop_deadline =
            now + spec_of(one).stop.post_stop->timeout.value_or(spec_of(one).stop.grace);
    }

    void operator()(const ForgetWorker& action) { state.workers.erase(action.worker); }

    void operator()(const BeginRollout& action) {
        Rollout rollout;
        rollout.from = state.current;
        rollout.to = action.revision;
        rollout.began = rollout.progressed = now;
        rollout.previous_replicas = state.replicas;
        rollout.previous_file_replicas = state.file_replicas;
        const std::uint32_t asked = state.revisions.at(action.revision).spec.rollout.replicas;
        // `scale` lasts until the file says something new.
        if (asked != state.file_replicas || state.current == 0) {
            state.replicas = asked;
            state.file_replicas = asked;
        }
        const Revision& revision = state.revisions.at(action.revision);
        rollout.immediate = state.pending_immediate;
        // Nobody looks at the stages of what ran before, or of what is the first to run.
        if (revision.made_from != 0 || state.current == 0)
            rollout.stage = static_cast<std::uint32_t>(revision.spec.rollout.stages.size());
        take_back_kept(revision);
        state.rollout = std::move(rollout);
        let_replicas_start(state);
        state.pending = 0;
        state.pending_supersedes = false;
        state.pending_immediate = false;
        events.push_back(about(EventKind::rollout_started, action.revision,
                               "rollout of " + revision_text(action.revision) + " started"));
    }

    /// An undo to the revision whose old set is still warm has its workers already. Any other
    /// rollout needs their places.
    void take_back_kept(const Revision& revision) {
        if (state.kept == 0)
            return;
        for (auto& [id, worker] : state.workers) {
            if (revision.made_from == state.kept && worker.revision == state.kept &&
                is_live(worker))
                worker.revision = revision.number;
        }
        state.kept = 0;
    }

    void operator()(const NoteFailure& action) {
        state.rollout->failure = action.reason;
        state.rollout->last_output = action.last_output;
        events.push_back(about(EventKind::rollout_stage, state.rollout->to,
                               "failed while it is paused: " + action.reason));
    }

    void operator()(const PauseRollout& action) {
        Rollout& rollout = *state.rollout;
        rollout.paused_at = now;
        rollout.pause_reason = rollout.failure = action.reason;
        rollout.last_output = action.last_output;
        events.push_back(about(EventKind::rollout_paused, rollout.to, action.reason));
    }

    void operator()(const ReachStage&) {
        state.rollout->stage_reached = now;
        const RolloutStage& stage = rollout_spec_in_force(state).stages.at(state.rollout->stage);
        events.push_back(about(EventKind::rollout_stage, state.rollout->to,
                               stage_text() + " serves: " + std::to_string(fresh_limit(state)) +
                                   " of " + std::to_string(state.replicas) + " workers; " +
                                   (stage.hold ? "goes on in " + format_duration(*stage.hold)
                                               : std::string("waits for svc promote"))));
    }

    void operator()(const RunRolloutHook& action) {
        std::string text = std::string(describe(action.hook)) + " runs";
        state.rollout->hook_began = now;
        switch (action.hook) {
        case RolloutHook::before:
            state.rollout->before = HookProgress::running;
            break;
        case RolloutHook::analysis:
            state.rollout->analysis = HookProgress::running;
            text.insert(0, stage_text() + ": ");
            break;
        case RolloutHook::after:
            state.rollout->after = HookProgress::running;
            break;
        }
        events.push_back(about(EventKind::rollout_stage, state.rollout->to, std::move(text)));
    }

    void operator()(const PassStage&) {
        events.push_back(
            about(EventKind::rollout_stage, state.rollout->to, stage_text() + " is passed"));
        Rollout& rollout = *state.rollout;
        rollout.stage += 1;
        rollout.stage_reached.reset();
        rollout.promoted = false;
        rollout.analysis = HookProgress::due;
        rollout.progressed = now;
    }

    std::string stage_text() {
        if (rollout_spec_in_force(state).strategy == Strategy::blue_green)
            return "the second set";
        return "step " + std::to_string(state.rollout->stage + 1) + " of " +
               std::to_string(rollout_spec_in_force(state).stages.size());
    }

    void operator()(const EndKeeping& action) {
        events.push_back(about(EventKind::keeping_ended, state.kept,
                               "the old set of " + revision_text(state.kept) +
                                   " is kept no longer: " + action.reason));
        state.kept = 0;
    }

    void put_replicas_back() {
        state.replicas = state.rollout->previous_replicas;
        state.file_replicas = state.rollout->previous_file_replicas;
    }

    void operator()(const RollBack& action) {
        Rollout& rollout = *state.rollout;
        rollout.phase = RolloutPhase::rolling_back;
        rollout.reason = action.reason;
        rollout.last_output = action.last_output;
        rollout.paused_at.reset();
        rollout.stage_reached.reset();
        // What could not reload itself may still be reverted.
        for (auto& [id, worker] : state.workers)
            if (worker.stale == reload_failed)
                worker.stale.clear();
        progress();
        let_replicas_start(state);
        put_replicas_back();
        events.push_back(about(EventKind::rollout_rolling_back, rollout.to, action.reason));
    }

    void operator()(const EndRollout& action) {
        const Outcome& outcome = action.outcome;
        Revision& revision = state.revisions.at(outcome.revision);
        switch (outcome.verdict) {
        case Verdict::complete:
            if (state.current != 0) {
                state.revisions.at(state.current).state = RevisionState::retired;
                state.previous = state.current;
            }
            state.fallback = Fallback::none;
            if (keeps_old_set(state)) {
                state.kept = state.current;
                state.kept_until = now + revision.spec.rollout.keep_old;
            }
            state.current = outcome.revision;
            revision.state = RevisionState::current;
            break;
        case Verdict::superseded:
            if (state.rollout->phase == RolloutPhase::progressing)
                put_replicas_back();
            revision.state = RevisionState::superseded;
            break;
        case Verdict::rolled_back:
        case Verdict::failed:
        case Verdict::aborted:
            revision.state = RevisionState::failed;
            break;
        }
        revision.reason = outcome.reason;
        state.rollout.reset();
        Event event =
            about(EventKind::rollout_ended, outcome.revision,
                  revision_text(outcome.revision) + " " + std::string(describe(outcome.verdict)) +
                      (outcome.reason.empty() ? "" : ": " + outcome.reason));
        event.verdict = outcome.verdict;
        events.push_back(std::move(event));
        keep_outcome(state, outcome);
        // The first revision of all failed, and nothing waits to take its place.
        if (outcome.verdict != Verdict::failed || state.current != 0 || state.pending != 0)
            return;
        if (state.fallback != Fallback::none && state.wanted == Wanted::run) {
            state.fallback = Fallback::due;
            return;
        }
        state.failed = true;
        if (state.wanted == Wanted::run)
            state.wanted = Wanted::stop;
        state.stop_reason = outcome.reason;
    }

    void operator()(const FallBack&) { state.fallback = Fallback::asked; }

    void operator()(const DropRevision& action) {
        state.revisions.erase(action.revision);
        for (Replica& replica : state.replica_list)
            replica.launches.erase(action.revision);
    }

    void operator()(const Finish&) {
        for (const auto& [id, left] : state.workers)
            tell(EventKind::kill_failed, left, "is left behind: " + describe_kill_failure(left));
        state.wanted = Wanted::ended;
    }
};

} // namespace

void apply(State& state, const Action& action, Instant now, std::vector<Event>& events) {
    std::visit(Applier{state, now, events}, action);
}

} // namespace svc::rollout
