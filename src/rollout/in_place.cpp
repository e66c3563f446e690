// reload_in_place(): which worker reloads itself next. One at a time, and the next one only when all
// that did so before have stood their time: a bad configuration costs one worker.
#include "rollout/planner.h"

namespace svc::rollout {

void reload_in_place(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run || !state.rollout || stands_still(state))
        return;
    const bool forward = state.rollout->phase == RolloutPhase::progressing;
    const Worker* next = nullptr;
    bool waits = false;
    for (const auto& [id, worker] : state.workers) {
        if (!is_live(worker))
            continue;
        if (worker.becoming != 0)
            return;
        // One that is on its way may have to serve in the place of the one that reloads itself.
        waits = waits || !is_available(worker);
        if (!is_available(worker))
            continue;
        if (forward && worker.revision == state.rollout->to &&
            !planner.due(*worker.ready_at + planner.min_ready(worker)))
            waits = true;
        if (can_become_target(state, worker) && (next == nullptr || worker.replica < next->replica))
            next = &worker;
    }
    if (next != nullptr && !waits)
        planner.act(ReloadWorker{next->id, target_revision(state), !forward});
}

} // namespace svc::rollout
