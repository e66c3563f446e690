// What the two halves of record() share. Internal to the rollout layer.
#pragma once

#include "rollout/decide.h"

namespace svc::rollout {

template <class Seen>
concept AboutWorker = requires(const Seen& seen) {
    seen.worker;
};

/// What one worker did or said; other observations change nothing.
void record_of_worker(State& state, const Observation& observation, Instant now,
                      std::vector<Event>& events);
/// What somebody asked for, and how a rollout's hook ended; other observations change nothing.
void record_of_service(State& state, const Observation& observation, Instant now,
                       std::vector<Event>& events);

/// Last lines, printable and not too many.
std::vector<std::string> bounded(const std::vector<std::string>& output);

} // namespace svc::rollout
