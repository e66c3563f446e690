// Timeline: a rollout as it went. The supervisor records it, the history keeps it, `svc timeline` draws it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace svc::wire {

/// What one worker did. Instants are microseconds since the rollout began, and negative before it; one
/// that has none did not come (or not yet). They never go backwards in this order.
struct WorkerTrack {
    std::string name;
    std::uint64_t revision = 0;
    std::uint32_t replica = 0;
    std::int64_t launched_us = 0;
    std::optional<std::int64_t> ready_us;
    std::optional<std::int64_t> available_us;
    std::optional<std::int64_t> drain_us; ///< it was told to go
    std::optional<std::int64_t> stop_us;  ///< the stop signal was sent
    std::optional<std::int64_t> ended_us;
    std::string ended;   ///< "exit status 0"; empty: it has not
    bool failed = false; ///< it ended by itself
    bool operator==(const WorkerTrack&) const = default;
};

/// What happened to the rollout as a whole, in between.
struct TimelineMark {
    std::int64_t at_us = 0;
    std::string text;
    bool operator==(const TimelineMark&) const = default;
};

struct Timeline {
    std::uint64_t revision = 0;
    std::uint64_t from = 0;    ///< 0: nothing served before
    std::int64_t began_us = 0; ///< since the epoch
    std::string strategy;      ///< "rolling", "blue-green", …
    std::string result;        ///< "in progress", or a verdict: "complete", "rolled back", …
    std::string reason;
    std::int64_t length_us = 0; ///< of the rollout, up to now if it is in progress
    std::int64_t until_us =
        0;             ///< what came after it is not known; later than its end: workers drained
    bool open = false; ///< a worker is still on its way out, or the rollout is not over
    std::vector<WorkerTrack> workers; ///< in the order of their launches
    std::vector<TimelineMark> marks;
    std::uint32_t cut = 0; ///< workers and marks that there was no room for
    bool operator==(const Timeline&) const = default;
};

} // namespace svc::wire
