#include "broken.h"

#include <algorithm>
#include <set>

namespace svc::sim {

using namespace rollout;

namespace {

template <class Kind>
bool wants(const Decision& decision) {
    return std::any_of(decision.actions.begin(), decision.actions.end(),
                       [](const Action& action) { return std::holds_alternative<Kind>(action); });
}

const Worker* find_worker(const State& state, auto&& predicate) {
    for (const auto& [id, worker] : state.workers)
        if (predicate(worker))
            return &worker;
    return nullptr;
}

/// 1: closes the listeners of the old revision when the rollout is complete, not when its workers are gone.
Decision forgets_draining_workers(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || state.rollout)
        return decision;
    const Worker* draining = find_worker(state, [&](const Worker& worker) {
        return worker.phase == WorkerPhase::stopping && worker.revision != state.current &&
               state.revisions.contains(worker.revision);
    });
    static thread_local RevisionNumber dropped = 0;
    if (draining != nullptr && dropped != draining->revision) {
        dropped = draining->revision;
        decision.actions.push_back(DropRevision{draining->revision});
    }
    return decision;
}

/// 2: takes "the new worker was started" for "the new worker is available".
Decision drains_too_early(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || !state.rollout ||
        state.rollout->phase != RolloutPhase::progressing)
        return decision;
    const Worker* old = find_worker(state, [&](const Worker& worker) {
        return is_available(worker) && worker.revision == state.rollout->from;
    });
    const bool started = find_worker(state, [&](const Worker& worker) {
                             return is_live(worker) && worker.revision == state.rollout->to;
                         }) != nullptr;
    if (old != nullptr && started)
        decision.actions.push_back(RetireWorker{old->id, Retirement::replaced, "too early", false});
    return decision;
}

/// 3: starts the new worker of every replica at once.
Decision ignores_surge(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || !state.rollout ||
        rollout_spec_in_force(state).strategy == Strategy::recreate ||
        state.rollout->phase != RolloutPhase::progressing || stands_still(state))
        return decision;
    for (std::uint32_t index = 0; index < state.replicas; ++index) {
        const bool there =
            find_worker(state, [&](const Worker& worker) {
                return worker.replica == index && worker.revision == state.rollout->to;
            }) != nullptr;
        if (there)
            continue;
        decision.actions.push_back(LaunchWorker{state.next_worker, state.rollout->to, index});
        break;
    }
    return decision;
}

/// 4: when the new revision fails, starts over with all workers, the healthy old ones too.
Decision restarts_all_on_failure(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || !state.rollout ||
        state.rollout->phase != RolloutPhase::rolling_back)
        return decision;
    for (const auto& [id, worker] : state.workers)
        if (is_live(worker) && worker.revision == state.rollout->from)
            decision.actions.push_back(
                RetireWorker{id, Retirement::replaced, "starting over", false});
    return decision;
}

/// 4: makes room for the smaller number of replicas before the new revision has proved itself.
Decision shrinks_before_proof(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || !state.rollout ||
        state.rollout->phase != RolloutPhase::progressing)
        return decision;
    const Worker* surplus = find_worker(state, [&](const Worker& worker) {
        return is_available(worker) && worker.revision == state.rollout->from &&
               worker.replica >= state.replicas;
    });
    if (surplus != nullptr)
        decision.actions.push_back(
            RetireWorker{surplus->id, Retirement::scaled_down, "fewer replicas", false});
    return decision;
}

/// 5: kills at the end of grace although the exit was seen.
Decision kills_the_dead(const State& state, Instant now) {
    Decision decision = decide(state, now);
    const Worker* dead = find_worker(state, [](const Worker& worker) {
        return worker.phase == WorkerPhase::exited && worker.retirement != Retirement::none;
    });
    if (dead != nullptr)
        decision.actions.insert(decision.actions.begin(), KillWorker{dead->id, "to be sure"});
    return decision;
}

/// 6: loses the deadline of a start, so that a version that hangs holds its rollout for ever.
Decision waits_for_ever(const State& state, Instant now) {
    State patient = state;
    for (auto& [id, worker] : patient.workers)
        worker.start_deadline = Instant::max();
    for (auto& [number, revision] : patient.revisions)
        revision.spec.rollout.progress_deadline = std::chrono::hours(1000);
    return decide(patient, now);
}

/// 6: waits at a stop for workers that nothing of ours can end, whatever is asked.
Decision waits_for_the_unkillable(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!state.workers.empty())
        std::erase_if(decision.actions,
                      [](const Action& action) { return std::holds_alternative<Finish>(action); });
    return decision;
}

/// 6: does not see that a rollout cannot go on for want of room.
Decision waits_for_room(const State& state, Instant now) {
    State calm = state;
    for (auto& [id, worker] : calm.workers)
        worker.kill_failure.clear();
    return state.wanted == Wanted::run ? decide(calm, now) : decide(state, now);
}

/// 3: keeps a warm old set for all of its time.
Decision clings_to_the_old_set(const State& state, Instant now) {
    Decision decision = decide(state, now);
    const bool left = find_worker(state, [&](const Worker& worker) {
                          return worker.revision == state.kept && is_live(worker);
                      }) != nullptr;
    if (left && now < state.kept_until)
        std::erase_if(decision.actions, [](const Action& action) {
            return std::holds_alternative<EndKeeping>(action);
        });
    return decision;
}

/// 2: counts what was started as ready without its verification.
Decision believes_what_was_started(const State& state, Instant now) {
    State trusting = state;
    for (auto& [number, revision] : trusting.revisions)
        if (revision.spec.rollout.in_place)
            revision.spec.rollout.in_place->verify.reset();
    for (auto& [id, worker] : trusting.workers)
        if (worker.verifying) {
            worker.ready_at = worker.since;
            worker.phase = WorkerPhase::ready;
        }
    return decide(trusting, now);
}

/// 7: takes every hold for ended.
Decision skips_the_hold(const State& state, Instant now) {
    State hasty = state;
    if (hasty.rollout && hasty.rollout->stage_reached)
        hasty.rollout->promoted = true;
    return decide(hasty, now);
}

/// 7: does not wait for the analysis.
Decision skips_the_analysis(const State& state, Instant now) {
    State hasty = state;
    if (hasty.rollout && hasty.rollout->analysis == HookProgress::running)
        hasty.rollout->analysis = HookProgress::passed;
    return decide(hasty, now);
}

/// 7: starts the new workers of recreate beside the old ones.
Decision recreates_too_early(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || !state.rollout || stands_still(state) ||
        state.rollout->phase != RolloutPhase::progressing ||
        rollout_spec_in_force(state).strategy != Strategy::recreate)
        return decision;
    const Budget budget = budget_in_force(state);
    std::uint32_t live = 0;
    std::uint32_t running = 0;
    std::set<std::uint32_t> taken;
    for (const auto& [id, worker] : state.workers) {
        running += has_process(worker) ? 1 : 0;
        live += is_live(worker) ? 1 : 0;
        if (is_live(worker))
            taken.insert(worker.replica);
    }
    for (std::uint32_t index = 0; index < state.replicas; ++index) {
        if (taken.contains(index) || live >= budget.replicas || running >= budget.total)
            continue;
        decision.actions.push_back(LaunchWorker{state.next_worker, state.rollout->to, index});
        break;
    }
    return decision;
}

/// 7: does not wait for the hook before the rollout.
Decision skips_the_first_hook(const State& state, Instant now) {
    State hasty = state;
    if (hasty.rollout && hasty.rollout->before == HookProgress::running)
        hasty.rollout->before = HookProgress::passed;
    return decide(hasty, now);
}

/// 7: has every worker reload itself at once.
Decision reloads_all_at_once(const State& state, Instant now) {
    State blind = state;
    for (auto& [id, worker] : blind.workers)
        worker.becoming = 0;
    Decision decision = decide(blind, now);
    std::erase_if(decision.actions, [&](const Action& action) {
        const auto* reload = std::get_if<ReloadWorker>(&action);
        return reload != nullptr && state.workers.at(reload->worker).becoming != 0;
    });
    if (!decision.actions.empty() || !state.rollout || stands_still(state))
        return decision;
    const Worker* next = find_worker(blind, [&](const Worker& worker) {
        return is_available(worker) && can_become_target(blind, worker) &&
               state.workers.at(worker.id).becoming == 0;
    });
    if (next != nullptr)
        decision.actions.push_back(ReloadWorker{next->id, target_revision(state), false});
    return decision;
}

/// 9: believes every probe.
Decision drains_all_that_fail(const State& state, Instant now) {
    Decision decision = decide(state, now);
    if (!decision.actions.empty() || state.wanted != Wanted::run)
        return decision;
    const Worker* failing = find_worker(
        state, [](const Worker& worker) { return is_live(worker) && !worker.failing.empty(); });
    if (failing != nullptr)
        decision.actions.push_back(
            RetireWorker{failing->id, Retirement::failed, failing->failing, false});
    return decision;
}

/// 8: does not know what a pause is.
Decision moves_while_paused(const State& state, Instant now) {
    State restless = state;
    if (restless.rollout && restless.rollout->failure.empty())
        restless.rollout->paused_at.reset();
    return decide(restless, now);
}

} // namespace

const std::vector<BrokenPolicy>& broken_policies() {
    static const std::vector<BrokenPolicy> policies = {
        {"forgets_draining_workers", '1', forgets_draining_workers},
        {"drains_too_early", '2', drains_too_early},
        {"ignores_surge", '3', ignores_surge},
        {"restarts_all_on_failure", '4', restarts_all_on_failure},
        {"shrinks_before_proof", '4', shrinks_before_proof},
        {"kills_the_dead", '5', kills_the_dead},
        {"waits_for_ever", '6', waits_for_ever},
        {"clings_to_the_old_set", '3', clings_to_the_old_set},
        {"believes_what_was_started", '2', believes_what_was_started},
        {"skips_the_hold", '7', skips_the_hold},
        {"skips_the_analysis", '7', skips_the_analysis},
        {"recreates_too_early", '7', recreates_too_early},
        {"skips_the_first_hook", '7', skips_the_first_hook},
        {"reloads_all_at_once", '7', reloads_all_at_once},
        {"drains_all_that_fail", '9', drains_all_that_fail},
        {"moves_while_paused", '8', moves_while_paused},
        {"waits_for_the_unkillable", '6', waits_for_the_unkillable},
        {"waits_for_room", '6', waits_for_room},
    };
    static const std::vector<BrokenPolicy> all = [] {
        std::vector<BrokenPolicy> both = policies;
        both.insert(both.end(), broken_successions().begin(), broken_successions().end());
        return both;
    }();
    return all;
}

} // namespace svc::sim
