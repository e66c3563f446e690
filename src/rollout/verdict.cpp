// When a rollout fails, ends and begins; and how the supervisor stops.
#include "rollout/planner.h"

namespace svc::rollout {

namespace {

/// A new worker that ends by itself fails the rollout, unless it had been available, ended well and
/// is to be started again: that is how some servers recycle their processes.
bool died(const Planner& planner, const Worker& worker) {
    if (worker.retirement != Retirement::none || worker.phase != WorkerPhase::exited)
        return false;
    const bool recycled = worker.exit->kind == ExitStatus::Kind::code && worker.exit->value == 0 &&
                          planner.spec_of(worker).restart.policy == RestartPolicy::always;
    return !worker.available_at || !recycled;
}

bool started_too_late(Planner& planner, const Worker& worker) {
    if (worker.retirement != Retirement::none)
        return false;
    const bool launching =
        worker.phase > WorkerPhase::preparing && worker.phase < WorkerPhase::starting;
    return (launching || awaits_readiness(worker, planner.spec_of(worker).ready)) &&
           planner.due(worker.start_deadline);
}

/// The clock runs only while a worker of the new revision is on its way: a slow drain of old ones is
/// not the new revision's failure.
bool made_no_progress(Planner& planner, const Worker& worker) {
    if (!is_live(worker) || is_available(worker) || planner.state.rollout->paused_at)
        return false;
    // One that is recycled at the end of a long hold has its own time.
    return planner.due(std::max(planner.state.rollout->progressed, worker.launched_at) +
                       planner.spec_of(worker).rollout.progress_deadline);
}

/// True once what it wrote last is known, or will not be: the report says what it was about. What its hook wrote is
/// that, too.
bool knows_output(Planner& planner, const Worker& worker) {
    if (!worker.last_output.empty())
        return true;
    if (worker.output_due)
        return planner.due(*worker.output_due);
    planner.act(ReadOutput{worker.id});
    return false;
}

/// Why a worker of the new revision that lives fails it; empty: it does not.
std::string failure_of_living(Planner& planner, const Worker& worker) {
    const Spec& spec = planner.spec_of(worker);
    if (started_too_late(planner, worker))
        return late_start_text(worker, spec.ready);
    if (is_live(worker) && !worker.failing.empty())
        return worker.failing;
    if (made_no_progress(planner, worker))
        return "not available within progress_deadline (" +
               format_duration(spec.rollout.progress_deadline) + ")";
    return {};
}

/// "r8-0: exit status 1 before it was ready".
std::string death_text(const Worker& worker) {
    std::string text = worker.name + ": " + describe(*worker.exit);
    if (worker.exit->kind == ExitStatus::Kind::launch)
        return text;
    if (!worker.ready_at)
        return text + " before it was ready";
    return text + (worker.available_at ? " during its rollout" : " within min_ready");
}

void fail_rollout(Planner& planner, std::string reason,
                  const std::vector<std::string>& last_output) {
    const Rollout& rollout = *planner.state.rollout;
    if (rollout.paused_at) {
        if (rollout.failure.empty())
            planner.act(NoteFailure{std::move(reason), last_output});
        return;
    }
    if (rollout.from != 0 && rollout_spec_in_force(planner.state).on_failure == OnFailure::pause) {
        planner.act(PauseRollout{std::move(reason), last_output});
        return;
    }
    if (rollout.from != 0) {
        planner.act(RollBack{rollout.from, std::move(reason), last_output});
        return;
    }
    planner.act(EndRollout{Outcome{.revision = rollout.to,
                                   .verdict = Verdict::failed,
                                   .reason = std::move(reason),
                                   .last_output = last_output,
                                   .began = rollout.began,
                                   .ended = planner.now}});
}

/// Every replica has an available worker of `revision`, or is known not to get one now.
bool is_settled(const Planner& planner, RevisionNumber revision, bool despite_failures) {
    const State& state = planner.state;
    std::vector<bool> covered(state.replicas);
    for (const auto& [id, worker] : state.workers)
        if (worker.replica < covered.size() && worker.revision == revision && is_available(worker))
            covered[worker.replica] = true;
    for (std::uint32_t index = 0; index < state.replicas; ++index) {
        if (covered[index])
            continue;
        if (index >= state.replica_list.size())
            return false;
        const Replica& replica = state.replica_list[index];
        const bool given_up = replica.failing_revision == revision &&
                              (replica.held_down || (despite_failures && replica.next_start));
        if (!given_up)
            return false;
    }
    return true;
}

bool any_live_other(const State& state, RevisionNumber revision, RevisionNumber permitted = 0) {
    return std::any_of(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
        return is_live(entry.second) && entry.second.revision != revision &&
               entry.second.revision != permitted;
    });
}

void end_rollout(Planner& planner, Verdict verdict, std::string reason,
                 RevisionNumber successor = 0) {
    const Rollout& rollout = *planner.state.rollout;
    planner.act(EndRollout{Outcome{.revision = rollout.to,
                                   .verdict = verdict,
                                   .reason = std::move(reason),
                                   .successor = successor,
                                   .last_output = rollout.last_output,
                                   .began = rollout.began,
                                   .ended = planner.now}});
}

/// Of workers that reloaded themselves min_ready is asked anew; of others it is what made them available.
bool all_stood_their_time(Planner& planner, RevisionNumber revision) {
    for (const auto& [id, worker] : planner.state.workers)
        if (worker.revision == revision && is_available(worker) &&
            !planner.due(*worker.ready_at + planner.min_ready(worker)))
            return false;
    return true;
}

/// Of an old worker that was replaced: a hook that is still to end, and whose failure is the rollout's.
bool awaits_hooks_of_old(Planner& planner) {
    const State& state = planner.state;
    return std::any_of(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
        const Worker& worker = entry.second;
        if (!was_replaced_by(worker, *state.rollout) || cannot_be_killed(worker))
            return false;
        const StopSpec& stop = planner.spec_of(worker).stop;
        const auto counts = [](const std::optional<HookSpec>& hook) {
            return hook && hook->on_failure == HookFailure::fail;
        };
        if (worker.running_hook == HookPoint::pre_stop)
            return counts(stop.pre_stop);
        return worker.phase != WorkerPhase::finished && counts(stop.post_stop);
    });
}

void end_progressing(Planner& planner) {
    const State& state = planner.state;
    const RevisionNumber to = state.rollout->to;
    if (stands_still(state) || is_staged(state))
        return;
    const RevisionNumber kept = keeps_old_set(state) ? state.rollout->from : 0;
    if (!is_settled(planner, to, false) || any_live_other(state, to, kept) ||
        awaits_hooks_of_old(planner) || !all_stood_their_time(planner, to))
        return;
    if (!planner.spec_of(to).rollout.after || state.rollout->after == HookProgress::passed)
        end_rollout(planner, Verdict::complete, "");
    else if (state.rollout->after == HookProgress::due)
        planner.act(RunRolloutHook{to, RolloutHook::after, state.rollout->stage});
}

bool any_reloading(const State& state) {
    return std::any_of(state.workers.begin(), state.workers.end(), [](const auto& entry) {
        return is_live(entry.second) && entry.second.becoming != 0;
    });
}

void end_rolling_back(Planner& planner) {
    const Rollout& rollout = *planner.state.rollout;
    // What one that reloads itself at this moment will be is not known yet.
    if (any_reloading(planner.state))
        return;
    if (!any_live_other(planner.state, rollout.from)) {
        if (is_settled(planner, rollout.from, true))
            end_rollout(planner, Verdict::rolled_back, rollout.reason);
        return;
    }
    const Duration patience = planner.spec_of(rollout.from).rollout.progress_deadline;
    if (planner.due(rollout.progressed + patience))
        end_rollout(planner, Verdict::failed,
                    rollout.reason + "; " + "revision " + std::to_string(rollout.from) +
                        " could not be brought back within " + format_duration(patience) +
                        ": workers of both serve");
}

bool all_that_is_left_cannot_be_killed(const State& state) {
    return std::all_of(state.workers.begin(), state.workers.end(),
                       [](const auto& entry) { return cannot_be_killed(entry.second); });
}

} // namespace

void give_up_for_want_of_room(Planner& planner, std::string reason) {
    const Rollout& rollout = *planner.state.rollout;
    switch (rollout.phase) {
    case RolloutPhase::progressing:
        fail_rollout(planner, std::move(reason), {});
        return;
    case RolloutPhase::rolling_back:
        end_rollout(planner, Verdict::failed,
                    rollout.reason + "; revision " + std::to_string(rollout.from) +
                        " could not be brought back: " + reason);
        return;
    }
    fatal("give_up_for_want_of_room(): no such phase");
}

void judge_new_revision(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run || !state.rollout ||
        state.rollout->phase != RolloutPhase::progressing)
        return;
    const Rollout& rollout = *state.rollout;
    if (!rollout.abort_reason.empty()) {
        planner.act(RollBack{rollout.from, rollout.abort_reason, {}});
        return;
    }
    if (!rollout.failure.empty() && !rollout.paused_at) {
        fail_rollout(planner, rollout.failure, rollout.last_output);
        return;
    }
    for (const auto& [id, worker] : state.workers) {
        if (worker.revision != state.rollout->to)
            continue;
        if (died(planner, worker))
            fail_rollout(planner, death_text(worker), worker.last_output);
        else if (const auto failure = failure_of_living(planner, worker);
                 !failure.empty() && knows_output(planner, worker))
            fail_rollout(planner, worker.name + ": " + failure, worker.last_output);
        if (planner.acted())
            return;
    }
}

void stop_everything(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted == Wanted::run)
        return;
    if (state.rollout) {
        end_rollout(planner, Verdict::aborted, state.stop_reason);
        return;
    }
    for (const auto& [id, worker] : state.workers) {
        if (state.wanted == Wanted::stop_now && has_process(worker) &&
            worker.phase != WorkerPhase::spawning && worker.phase != WorkerPhase::killing)
            planner.act(KillWorker{worker.id, state.stop_reason});
        else if (is_live(worker))
            planner.retire(worker, Retirement::stopped, state.stop_reason);
    }
    if (state.workers.empty())
        planner.act(Finish{state.failed ? 1 : 0});
    else if (state.wanted == Wanted::stop_now && all_that_is_left_cannot_be_killed(state))
        planner.act(Finish{1});
}

void end_and_begin_rollouts(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run)
        return;
    if (state.rollout && state.pending != 0 && (state.pending_supersedes || is_held(state)))
        end_rollout(planner, Verdict::superseded,
                    "superseded by revision " + std::to_string(state.pending), state.pending);
    else if (state.rollout && state.rollout->phase == RolloutPhase::progressing)
        end_progressing(planner);
    else if (state.rollout)
        end_rolling_back(planner);
    const bool ended = std::any_of(
        planner.decision.actions.begin(), planner.decision.actions.end(),
        [](const Action& action) { return std::holds_alternative<EndRollout>(action); });
    if (state.pending != 0 && (!state.rollout || ended))
        planner.act(BeginRollout{state.pending});
    else if (!state.rollout && state.fallback == Fallback::due)
        planner.act(FallBack{state.outcomes.empty() ? "" : state.outcomes.back().reason});
}

} // namespace svc::rollout
