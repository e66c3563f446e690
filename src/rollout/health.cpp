// Workers that somebody found broken, and those that are only old or large.
#include "base/text.h"
#include "rollout/planner.h"

namespace svc::rollout {

namespace {

/// A probe that fails everywhere (its database is down, it was written wrongly) must not take a whole
/// service down: at most max_unavailable workers, and one in any case, are missing for it at a time.
/// The others serve on, as well as they can, until successors of the first are there.
bool can_be_missed(const State& state, const Worker& worker) {
    if (!is_available(worker) || worker.revision == state.kept)
        return true;
    const std::uint32_t kept = state.kept == 0 ? 0 : available_workers(state, state.kept);
    const std::int64_t others = std::int64_t{available_workers(state)} - kept - 1;
    const std::uint32_t missing = std::max(budget_in_force(state).unavailable, 1u);
    return others >= std::int64_t{state.replicas} - missing;
}

std::string excess_text(const Worker& worker, std::uint64_t limit) {
    return "it uses " + format_size(worker.excess_memory) + ", more than max_memory (" +
           format_size(limit) + ")";
}

/// Those that were started together come of age one after the other, over the last fifth.
Instant comes_of_age(const Worker& worker, Duration max_age, std::uint32_t replicas) {
    const Duration last_fifth = max_age / 5;
    const std::uint32_t place = std::min(worker.replica, replicas - 1) + 1;
    return *worker.available_at + (max_age - last_fifth) + last_fifth / replicas * place;
}

} // namespace

void drain_failing(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run)
        return;
    for (const auto& [id, worker] : state.workers) {
        // Before it runs there is nothing to drain, and nothing that could have failed.
        if (worker.failing.empty() || !is_live(worker) || !can_be_missed(state, worker) ||
            planner.is_asked(worker))
            continue;
        planner.retire(worker, Retirement::failed, worker.failing);
        return; // the next one is judged without this one
    }
}

void recycle_workers(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run || state.rollout || state.current == 0 || state.replicas == 0)
        return;
    const RecycleSpec& recycle = planner.spec_of(state.current).recycle;
    if (!recycle.max_age && !recycle.max_memory)
        return;
    for (const auto& [id, worker] : state.workers)
        if (is_live(worker) && worker.revision == state.current && !worker.stale.empty())
            return; // one after the other
    for (const auto& [id, worker] : state.workers) {
        if (!is_fresh(worker, state.current) || !is_available(worker))
            continue;
        if (recycle.max_memory && worker.excess_memory > *recycle.max_memory)
            planner.act(RecycleWorker{id, excess_text(worker, *recycle.max_memory)});
        else if (recycle.max_age &&
                 planner.due(comes_of_age(worker, *recycle.max_age, state.replicas)))
            planner.act(RecycleWorker{id, "it reached max_age (" +
                                              format_duration(*recycle.max_age) + ")"});
        if (planner.acted())
            return;
    }
}

} // namespace svc::rollout
