// record(): observations into the state.
#include "base/text.h"
#include "rollout/decide.h"
#include "rollout/story.h"

#include <algorithm>

namespace svc::rollout {

namespace {

constexpr std::size_t status_text_limit = 512; // bytes
constexpr std::size_t output_lines_limit = 20;
constexpr std::size_t output_line_limit = 512; // bytes

/// Backoff before the n-th retry in a row.
Duration backoff_after(std::uint32_t failures, const RestartSpec& restart) {
    Duration wait = restart.backoff_min;
    for (std::uint32_t doubled = 1; doubled < failures && wait < restart.backoff_max; ++doubled)
        wait *= 2;
    return std::min(wait, restart.backoff_max);
}

bool stays_down(const ExitStatus& exit, RestartPolicy policy) {
    switch (policy) {
    case RestartPolicy::always:
        return false;
    case RestartPolicy::on_failure:
        return exit.kind == ExitStatus::Kind::code && exit.value == 0;
    case RestartPolicy::never:
        return true;
    }
    fatal("stays_down(): no such policy");
}

std::vector<std::string> bounded(const std::vector<std::string>& output) {
    std::vector<std::string> kept;
    const std::size_t skipped =
        output.size() > output_lines_limit ? output.size() - output_lines_limit : 0;
    for (std::size_t line = skipped; line < output.size(); ++line)
        kept.push_back(printable(output[line], output_line_limit));
    return kept;
}

/// Writes what was seen. One call of visit() a recording; the members are the places it may write to.
struct Recorder {
    State& state;
    Instant now;
    std::vector<Event>& events;

    Worker* find(WorkerId id) {
        const auto found = state.workers.find(id);
        return found == state.workers.end() ? nullptr : &found->second;
    }
    const Spec& spec_of(const Worker& worker) { return state.revisions.at(worker.revision).spec; }

    void operator()(const WorkerSpawned& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->phase != WorkerPhase::spawning)
            return;
        worker->pid = seen.pid;
        enter(*worker, WorkerPhase::spawned, now);
    }

    void operator()(const WorkerRecorded& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && worker->phase == WorkerPhase::recording)
            enter(*worker, WorkerPhase::recorded, now);
    }

    void operator()(const WorkerExecuted& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && worker->phase == WorkerPhase::executing)
            begin_starting(*worker);
    }

    void begin_starting(Worker& worker) {
        worker.executed_at = now;
        enter(worker, WorkerPhase::starting, now);
    }

    void operator()(const LaunchFailed& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !has_process(*worker))
            return;
        ExitStatus exit;
        exit.kind = ExitStatus::Kind::launch;
        exit.value = seen.error;
        exit.detail = printable(seen.sentence, 1024);
        ended(*worker, exit, {});
    }

    void operator()(const WorkerExited& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !has_process(*worker))
            return;
        // The end can be seen before the end-of-file that confirms the exec.
        if (worker->phase == WorkerPhase::executing)
            worker->executed_at = now;
        ended(*worker, seen.status, seen.last_output);
    }

    void ended(Worker& worker, const ExitStatus& exit, const std::vector<std::string>& output) {
        worker.exit = exit;
        worker.last_output = bounded(output);
        enter(worker, WorkerPhase::exited, now);
        events.push_back(about(EventKind::worker_exited, worker, describe(exit)));
        if (worker.retirement == Retirement::none || worker.retirement == Retirement::failed)
            died_by_itself(worker);
    }

    /// The replica's book of failures: when may the next worker start?
    void died_by_itself(const Worker& worker) {
        // What a revision that was given up does is no failure of the one that serves in its place.
        const bool wanted =
            worker.revision == state.current || worker.revision == target_revision(state);
        if (worker.replica >= state.replica_list.size() || !wanted)
            return;
        Replica& replica = state.replica_list[worker.replica];
        const RestartSpec& restart = spec_of(worker).restart;
        if (stayed_up(worker, restart, now) || replica.failing_revision != worker.revision)
            replica.failures = 0;
        replica.failing_revision = worker.revision;
        // Of a new version on trial the verdict tells, and there will be no next try.
        const bool on_trial = state.rollout && state.rollout->phase == RolloutPhase::progressing &&
                              worker.revision == state.rollout->to;
        replica.restarts += on_trial ? 0 : 1;
        replica.failures += 1;
        replica.last_exit = worker.retirement == Retirement::none ? describe(*worker.exit)
                                                                  : worker.retirement_reason;
        replica.held_down = worker.retirement == Retirement::none
                                ? stays_down(*worker.exit, restart.policy)
                                : restart.policy == RestartPolicy::never;
        const Duration wait = backoff_after(replica.failures, restart);
        replica.next_start = now + wait;
        if (state.wanted == Wanted::run && !on_trial)
            events.push_back(about(
                EventKind::worker_restarting, worker,
                replica.held_down ? replica.last_exit + "; stays down, as restart.policy says"
                                  : replica.last_exit + "; next try in " + format_duration(wait)));
    }

    void operator()(const WorkerNotified& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !has_process(*worker))
            return;
        if (seen.status)
            set_status(*worker, printable(*seen.status, status_text_limit));
        if (seen.error)
            worker->notified_errno = *seen.error;
        if (seen.stopping)
            worker->announced_stop = true;
        if (seen.reloading)
            worker->reloading = true;
        if (seen.extend_timeout)
            extend(*worker, *seen.extend_timeout);
        if (seen.ready)
            said_ready(*worker);
    }

    void set_status(Worker& worker, std::string text) {
        if (worker.status_text == text)
            return;
        worker.status_text = std::move(text);
        events.push_back(about(EventKind::worker_status, worker, worker.status_text));
    }

    void said_ready(Worker& worker) {
        worker.reloading = false;
        if (worker.retirement != Retirement::none || spec_of(worker).ready.on != ReadyOn::notify)
            return;
        // READY=1 can overtake the end-of-file that confirms the exec: they are two sockets.
        if (worker.phase == WorkerPhase::executing)
            begin_starting(worker);
        if (worker.phase != WorkerPhase::starting)
            return;
        worker.ready_at = now;
        enter(worker, WorkerPhase::ready, now);
        events.push_back(about(EventKind::worker_ready, worker, "is ready"));
    }

    /// sd_notify(3): the time counts from this message. Bounded, or a worker could hold a rollout for ever.
    void extend(Worker& worker, Duration by) {
        const Spec& spec = spec_of(worker);
        if (by <= Duration::zero())
            return;
        if (worker.drain_began) {
            const Instant limit =
                *worker.drain_began + std::max(spec.stop.grace_max, spec.stop.grace);
            worker.stop_deadline = std::max(
                worker.stop_deadline, std::min(now + std::min(by, spec.stop.grace_max), limit));
        } else if (worker.phase < WorkerPhase::ready) {
            const Duration longest = std::max(spec.ready.timeout, spec.rollout.progress_deadline);
            worker.start_deadline =
                std::max(worker.start_deadline,
                         std::min(now + std::min(by, longest), worker.launched_at + longest));
        }
    }

    void operator()(const MainPidChanged& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && has_process(*worker))
            worker->pid = seen.pid;
    }

    void operator()(const HookEnded& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->running_hook != seen.point)
            return;
        worker->running_hook.reset();
        const bool before = seen.point == HookPoint::pre_stop;
        if (!seen.succeeded)
            events.push_back(about(EventKind::hook_failed, *worker,
                                   std::string(before ? "pre-stop" : "post-stop") +
                                       " hook failed: " + printable(seen.detail, 1024)));
        if (!before && worker->phase == WorkerPhase::exited)
            enter(*worker, WorkerPhase::finished, now);
    }

    void operator()(const KillFailed& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->phase != WorkerPhase::killing)
            return;
        worker->kill_failure = printable(seen.reason, 256);
        events.push_back(about(EventKind::kill_failed, *worker, describe_kill_failure(*worker)));
    }

    void operator()(const RolloutRequested& seen) {
        const RevisionNumber number = state.next_revision++;
        Revision revision = seen.revision;
        revision.number = number;
        revision.state = RevisionState::candidate;
        revision.reason.clear();
        events.push_back(about(EventKind::rollout_requested, number, describe(revision.cause)));
        if (state.wanted != Wanted::run) {
            keep_outcome(state, Outcome{.revision = number,
                                        .verdict = Verdict::aborted,
                                        .reason = "the supervisor is stopping",
                                        .began = now,
                                        .ended = now});
            return;
        }
        if (state.pending != 0)
            supersede_pending(number);
        if (state.rollout && !seen.supersede && !is_held(state))
            events.push_back(about(EventKind::rollout_pending, number,
                                   revision_text(number) + " waits for the rollout of " +
                                       revision_text(state.rollout->to)));
        state.revisions.emplace(number, std::move(revision));
        state.pending = number;
        state.pending_supersedes = seen.supersede;
        state.pending_immediate = seen.immediate;
    }

    [[nodiscard]] bool progresses() const {
        return state.rollout && state.rollout->phase == RolloutPhase::progressing;
    }

    void operator()(const PauseRequested& seen) {
        // The first revision of all has nothing beside it that would serve meanwhile.
        if (!progresses() || state.rollout->paused_at || state.rollout->from == 0)
            return;
        state.rollout->paused_at = now;
        state.rollout->pause_reason = seen.reason;
        events.push_back(about(EventKind::rollout_paused, state.rollout->to, seen.reason));
    }

    void operator()(const ResumeRequested&) {
        if (!progresses() || !state.rollout->paused_at)
            return;
        Rollout& rollout = *state.rollout;
        const Duration stood_still = now - *rollout.paused_at;
        rollout.progressed += stood_still;
        if (rollout.stage_reached)
            *rollout.stage_reached += stood_still;
        rollout.paused_at.reset();
        rollout.pause_reason.clear();
        // Who resumes after a failure that paused it wants the new version tried again.
        if (rollout_spec_in_force(state).on_failure == OnFailure::pause) {
            rollout.failure.clear();
            if (rollout.analysis != Analysis::running)
                rollout.analysis = Analysis::none;
            let_replicas_start(state);
        }
        events.push_back(about(EventKind::rollout_resumed, rollout.to,
                               "rollout of " + revision_text(rollout.to) + " goes on"));
    }

    void operator()(const AbortRequested& seen) {
        call_off_pending(seen.reason);
        if (progresses() && state.rollout->from != 0)
            state.rollout->abort_reason = seen.reason;
    }

    void operator()(const PromoteRequested&) {
        if (is_staged(state) && state.rollout->stage_reached)
            state.rollout->promoted = true;
    }

    void operator()(const ReplaceRequested& seen) {
        if (state.rollout)
            return; // it replaces every worker, or brings every one back
        for (auto& [id, worker] : state.workers)
            if (worker.replica == seen.replica && is_fresh(worker, target_revision(state)))
                worker.stale = seen.reason;
    }

    void operator()(const FreezeRequested& seen) {
        state.frozen = seen.reason;
        events.push_back(about(EventKind::frozen, state.current,
                               seen.reason ? "rollouts are frozen " + *seen.reason
                                           : std::string("rollouts are allowed again")));
    }

    void operator()(const AnalysisEnded& seen) {
        if (!progresses() || state.rollout->to != seen.revision ||
            state.rollout->stage != seen.stage || state.rollout->analysis != Analysis::running)
            return;
        state.rollout->analysis = seen.succeeded ? Analysis::passed : Analysis::none;
        if (seen.succeeded || !state.rollout->failure.empty())
            return; // the failure that was noted first is the one that counts
        state.rollout->failure = "the analysis failed: " + printable(seen.detail, 1024);
        state.rollout->last_output = bounded(seen.last_output);
    }

    void call_off_pending(const std::string& reason) {
        if (state.pending == 0)
            return;
        Revision& waiting = state.revisions.at(state.pending);
        waiting.state = RevisionState::failed;
        waiting.reason = reason;
        Event event = about(EventKind::rollout_ended, waiting.number,
                            revision_text(waiting.number) + " is called off: " + reason);
        event.verdict = Verdict::aborted;
        events.push_back(std::move(event));
        keep_outcome(state, Outcome{.revision = state.pending,
                                    .verdict = Verdict::aborted,
                                    .reason = reason,
                                    .began = now,
                                    .ended = now});
        state.pending = 0;
    }

    void supersede_pending(RevisionNumber by) {
        Revision& older = state.revisions.at(state.pending);
        older.state = RevisionState::superseded;
        older.reason = revision_text(older.number) + " was superseded by " + revision_text(by) +
                       " before it started";
        events.push_back(Event{.kind = EventKind::rollout_ended,
                               .revision = older.number,
                               .verdict = Verdict::superseded,
                               .text = older.reason});
        keep_outcome(state, Outcome{.revision = older.number,
                                    .verdict = Verdict::superseded,
                                    .reason = older.reason,
                                    .successor = by,
                                    .began = now,
                                    .ended = now});
        state.pending = 0;
    }

    void operator()(const ScaleRequested& seen) {
        if (seen.from_file)
            state.file_replicas = seen.replicas;
        if (state.rollout) {
            // A rollback keeps what the administrator asked for meanwhile.
            state.rollout->previous_replicas = seen.replicas;
            if (seen.from_file)
                state.rollout->previous_file_replicas = seen.replicas;
        }
        if (state.replicas != seen.replicas)
            events.push_back(about(EventKind::scaled, target_revision(state),
                                   "from " + std::to_string(state.replicas) + " to " +
                                       std::to_string(seen.replicas) + " replicas"));
        state.replicas = seen.replicas;
    }

    void operator()(const StopRequested& seen) {
        const Wanted wanted = seen.now ? Wanted::stop_now : Wanted::stop;
        if (wanted <= state.wanted)
            return;
        state.wanted = wanted;
        state.stop_reason = seen.reason;
        state.failed = state.failed || seen.failed;
        call_off_pending(seen.reason);
        events.push_back(about(EventKind::stopping, state.current, seen.reason));
    }
};

} // namespace

void record(State& state, const Observation& observation, Instant now, std::vector<Event>& events) {
    std::visit(Recorder{state, now, events}, observation);
}

} // namespace svc::rollout
