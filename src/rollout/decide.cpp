// decide(): the order in which policy is asked.
#include "rollout/planner.h"

namespace svc::rollout {

void Planner::retire(const Worker& worker, Retirement why, std::string reason) {
    // A worker that never served has nothing to deregister from.
    const bool served =
        worker.phase == WorkerPhase::ready || worker.phase == WorkerPhase::available;
    act(RetireWorker{worker.id, why, std::move(reason),
                     served && spec_of(worker).stop.pre_stop.has_value()});
}

Duration Planner::min_ready(const Worker& worker) const {
    const auto& rollout = state.rollout;
    const bool immediate = rollout && rollout->immediate && worker.revision == rollout->to;
    return immediate ? Duration::zero() : spec_of(worker).rollout.min_ready;
}

void drop_revisions(Planner& planner) {
    const State& state = planner.state;
    for (const auto& [number, revision] : state.revisions) {
        const bool used =
            number == state.current || number == state.previous || number == state.pending ||
            number == state.kept ||
            (state.rollout && (number == state.rollout->from || number == state.rollout->to)) ||
            std::any_of(
                state.workers.begin(), state.workers.end(), [number = number](const auto& entry) {
                    return entry.second.revision == number || entry.second.becoming == number;
                });
        if (!used)
            planner.act(DropRevision{number});
    }
}

Decision decide(const State& state, Instant now) {
    Planner planner{state, now};
    if (state.wanted == Wanted::ended)
        return planner.decision;
    for (const auto part :
         {judge_new_revision, tend_workers, stop_everything, drain_failing, begin_rollout_hooks,
          advance_stages, end_keeping, end_and_begin_rollouts, reload_in_place, recycle_workers,
          move_workers, drop_revisions}) {
        part(planner);
        if (planner.acted())
            break;
    }
    return std::move(planner.decision);
}

} // namespace svc::rollout
