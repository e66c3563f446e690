// Policies that are wrong on purpose, one for each kind of invariant: the simulation must catch every one.
#pragma once

#include "rollout/recover.h"
#include "rollout/supervisor.h"

#include <string_view>
#include <vector>

namespace svc::sim {

struct BrokenPolicy {
    std::string_view name;
    char invariant; ///< the number with which the violation begins
    rollout::Policy policy;
    decltype(&rollout::recover) recover = rollout::recover;
};

const std::vector<BrokenPolicy>& broken_policies();

} // namespace svc::sim
