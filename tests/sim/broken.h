// Policies that are wrong on purpose, one for each kind of invariant: the simulation must catch every one.
#pragma once

#include "kept.h"

#include "rollout/recover.h"
#include "rollout/supervisor.h"

#include <string_view>
#include <vector>

namespace svc::sim {

inline constexpr char any_invariant = '*';

struct BrokenPolicy {
    std::string_view name;
    char invariant; ///< the number with which the violation begins; any_invariant: one of several
    rollout::Policy policy;
    decltype(&rollout::recover) recover = rollout::recover;
    Habits habits{};
};

const std::vector<BrokenPolicy>& broken_policies();
/// Those among them that show only where one supervisor follows another.
const std::vector<BrokenPolicy>& broken_successions();

} // namespace svc::sim
