// The state as text: what survives the supervisor.
#pragma once

#include "base/result.h"
#include "rollout/state.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace svc::wire {

inline constexpr std::uint32_t state_version = 1;
inline constexpr std::size_t state_limit = 64u << 20; ///< bytes

/// {"version":1,"state":{…}}, in one line
std::string serialize_state(const rollout::State& state);
/// Refuses another version, a missing or unknown member, a wrong type, a value out of range; names
/// the place ("state.workers[3].phase is not one of spawning, …"). Never throws, never crashes,
/// whatever the text. It checks the shape, not the meaning: a state whose `current` is no revision
/// of it reads well.
Result<rollout::State> parse_state(std::string_view text);

} // namespace svc::wire
