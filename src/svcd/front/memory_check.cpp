#include "svcd/front/memory_check.h"

#include "base/text.h"

#include <algorithm>

namespace svc::daemon {

std::string why_too_little_memory(const rollout::State& state, const rollout::Revision& candidate,
                                  const MemoryNow& now) {
    const rollout::RolloutSpec& spec = candidate.spec.rollout;
    std::uint64_t running = 0;
    for (const auto& [id, worker] : state.workers)
        running += rollout::has_process(worker) ? 1 : 0;
    if (running == 0 || !now.available)
        return {};
    const rollout::Budget budget = rollout::budget_of(spec, spec.replicas);
    const std::uint64_t most =
        std::min<std::uint64_t>(budget.replicas + budget.surge, budget.total);
    if (most <= running)
        return {};
    const std::uint64_t more = most - running;
    const std::uint64_t each = now.used / running;
    if (each == 0 || more <= *now.available / each)
        return {};
    return "up to " + std::to_string(more) + (more == 1 ? " worker" : " workers") +
           " more than now may need " + format_size(more * each) + " (" + format_size(each) +
           " each, as those that run), and " + format_size(*now.available) + " is available";
}

} // namespace svc::daemon
