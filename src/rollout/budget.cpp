#include "rollout/spec.h"

#include <algorithm>

namespace svc::rollout {

namespace {

std::uint32_t count_of(const Share& share, std::uint32_t replicas, bool round_up) {
    if (!share.percent)
        return share.value;
    const std::uint64_t hundredths = std::uint64_t{share.value} * replicas;
    return static_cast<std::uint32_t>((hundredths + (round_up ? 99 : 0)) / 100);
}

} // namespace

Budget budget_of(const RolloutSpec& spec, std::uint32_t replicas) {
    Budget budget;
    budget.replicas = replicas;
    budget.surge = count_of(spec.max_surge, replicas, true);
    budget.unavailable = std::min(count_of(spec.max_unavailable, replicas, false), replicas);
    switch (spec.strategy) {
    case Strategy::rolling:
    case Strategy::canary:
    case Strategy::in_place:
        break;
    case Strategy::recreate:
        budget.surge = 0;
        budget.unavailable = replicas;
        break;
    case Strategy::blue_green:
        budget.surge = std::max(budget.surge, replicas);
        budget.unavailable = 0;
        break;
    }
    if (budget.surge == 0 && budget.unavailable == 0)
        budget.surge = 1;
    const std::uint32_t usual = replicas + budget.surge + replicas;
    budget.total = std::max(spec.max_total.value_or(usual), replicas + budget.surge);
    return budget;
}

std::uint32_t size_of(const RolloutStage& stage, std::uint32_t replicas) {
    return std::min(std::max(count_of(stage.size, replicas, true), 1u), replicas);
}

} // namespace svc::rollout
