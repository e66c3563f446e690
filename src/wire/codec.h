// The state as text: what survives the supervisor.
#pragma once

#include "base/result.h"
#include "rollout/state.h"
#include "wire/timeline.h"

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

// What the history keeps of each revision, a file each. It outlives the release of svc that wrote
// it: what a later one added has its default, what a newer one wrote is refused.
inline constexpr std::uint32_t history_version = 1;
inline constexpr std::size_t history_file_limit = 16u << 20; ///< bytes

/// How a rollout ended, by the clock on the wall.
struct StoredOutcome {
    rollout::Verdict verdict = rollout::Verdict::complete;
    std::string reason;
    rollout::RevisionNumber successor = 0;
    std::vector<std::string> last_output;
    WallTime began{};
    WallTime ended{};
    bool operator==(const StoredOutcome&) const = default;
};

std::string serialize_revision(const rollout::Revision& revision);
/// As parse_state(): the shape, not the meaning.
Result<rollout::Revision> parse_revision(std::string_view text);
std::string serialize_outcome(const StoredOutcome& outcome);
Result<StoredOutcome> parse_outcome(std::string_view text);
std::string serialize_timeline(const Timeline& timeline);
Result<Timeline> parse_timeline(std::string_view text);

} // namespace svc::wire
