// One codec for every struct that leaves the process as JSON: the state, the control protocol,
// `--json`. A struct takes part by BOOST_DESCRIBE_STRUCT (described.h); enums are written as their
// names, durations and instants as microseconds, optionals as null or absent, variants as
// {"kind": "sleep", …members}.
#pragma once

#include "base/result.h"
#include "rollout/event.h"
#include "rollout/state.h"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace svc::wire {

inline constexpr std::uint32_t state_version = 1;

/// {"version":1,"state":{…}}
std::string serialize_state(const rollout::State& state);
/// Refuses another version, a missing or unknown member, a wrong type, a value out of range; names
/// the place ("state.workers[3].phase"). Never throws, never crashes, whatever the text.
Result<rollout::State> parse_state(std::string_view text);

} // namespace svc::wire
