// What the parts of decide() share. Internal to the rollout layer.
#pragma once

#include "rollout/decide.h"

#include <algorithm>

namespace svc::rollout {

/// Collects one decision. Each part of policy looks at the state and adds actions; decide() asks the
/// parts in order and ends at the first that wants something done, so that no part reasons about a
/// state that another one has just decided to change.
struct Planner {
    const State& state;
    Instant now;
    Decision decision{};

    void act(Action action) { decision.actions.push_back(std::move(action)); }
    [[nodiscard]] bool acted() const { return !decision.actions.empty(); }

    /// True if `at` has come; else it is a time to wake at.
    bool due(Instant at) {
        if (now >= at)
            return true;
        if (!decision.wake_at || at < *decision.wake_at)
            decision.wake_at = at;
        return false;
    }

    [[nodiscard]] const Spec& spec_of(RevisionNumber revision) const {
        return state.revisions.at(revision).spec;
    }
    [[nodiscard]] const Spec& spec_of(const Worker& worker) const {
        return spec_of(worker.revision);
    }

    /// What this one wrote last is being read for the report of its failure: it is not retired before that.
    [[nodiscard]] bool is_asked(const Worker& worker) {
        return worker.output_due && !due(*worker.output_due);
    }
    void retire(const Worker& worker, Retirement why, std::string reason);
    /// How long it must have been ready to count as available.
    [[nodiscard]] Duration min_ready(const Worker& worker) const;
};

// The parts, in the order in which decide() asks them.
void judge_new_revision(
    Planner& planner); ///< the rollout's failure, seen before anything else happens to it
void tend_workers(Planner& planner);    ///< each worker by itself: launch, readiness, drain, end
void stop_everything(Planner& planner); ///< when the supervisor is to stop
void end_and_begin_rollouts(Planner& planner);
void begin_rollout_hooks(Planner& planner); ///< `before`; the others belong to what they follow
void drain_failing(Planner& planner);       ///< workers that a probe or a hook found broken
void recycle_workers(Planner& planner);     ///< too old or too large ones
void reload_in_place(Planner& planner);     ///< the next worker that becomes the target revision's
void advance_stages(Planner& planner);      ///< holds, analysis, promotion
void end_keeping(Planner& planner);         ///< of a warm old set
void move_workers(Planner& planner);        ///< who is launched and who is retired
/// The running rollout can start no worker, and nothing will change that by itself.
void give_up_for_want_of_room(Planner& planner, std::string reason);
void drop_revisions(Planner& planner);

} // namespace svc::rollout
