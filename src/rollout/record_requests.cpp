// record_of_service(): what somebody asked for, and how a rollout's hook ended, into the state.
#include "rollout/recorder.h"

#include "base/text.h"
#include "rollout/story.h"

namespace svc::rollout {

namespace {

struct Recorder {
    State& state;
    Instant now;
    std::vector<Event>& events;

    void operator()(const RolloutRequested& seen) {
        const RevisionNumber number = state.next_revision++;
        if (state.fallback == Fallback::asked)
            state.fallback = Fallback::none;
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
            rollout.last_output.clear();
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

    HookProgress& progress_of(RolloutHook hook) {
        switch (hook) {
        case RolloutHook::before:
            return state.rollout->before;
        case RolloutHook::analysis:
            return state.rollout->analysis;
        case RolloutHook::after:
            return state.rollout->after;
        }
        fatal("progress_of(): no such hook");
    }

    void operator()(const RolloutHookEnded& seen) {
        if (!progresses() || state.rollout->to != seen.revision)
            return;
        Rollout& rollout = *state.rollout;
        HookProgress& progress = progress_of(seen.hook);
        const bool its_stage = seen.hook != RolloutHook::analysis || rollout.stage == seen.stage;
        if (progress != HookProgress::running || !its_stage)
            return;
        const HookSpec& hook = *hook_of(rollout_spec_in_force(state), seen.hook);
        const bool counts = !seen.succeeded && hook.on_failure == HookFailure::fail;
        progress = counts ? HookProgress::due : HookProgress::passed;
        if (seen.succeeded)
            return;
        const std::string failure =
            std::string(describe(seen.hook)) + " failed: " + printable(seen.detail, 1024);
        events.push_back(about(EventKind::hook_failed, rollout.to, failure));
        if (!counts || !rollout.failure.empty())
            return; // the failure that was noted first is the one that counts
        rollout.failure = failure;
        rollout.last_output = bounded(seen.last_output);
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
        if (state.fallback == Fallback::asked)
            state.fallback = Fallback::none;
        state.stop_reason = seen.reason;
        state.failed = state.failed || seen.failed;
        call_off_pending(seen.reason);
        events.push_back(about(EventKind::stopping, state.current, seen.reason));
    }
};

} // namespace

void record_of_service(State& state, const Observation& observation, Instant now,
                       std::vector<Event>& events) {
    std::visit(
        [&]<class Seen>(const Seen& seen) {
            if constexpr (!AboutWorker<Seen>)
                Recorder{state, now, events}(seen);
        },
        observation);
}

} // namespace svc::rollout
