// Policy, all of it: three pure functions over one value. No clock, no system call, no log.
#pragma once

#include "rollout/action.h"
#include "rollout/event.h"

namespace svc::rollout {

struct Decision {
    std::vector<Action> actions;    ///< in the order to do them
    std::optional<Instant> wake_at; ///< nothing will change by itself before then; none: never
};

/// What to do next, given all that is known at `now`. The supervisor asks again until no action is
/// left.
Decision decide(const State& state, Instant now);

/// Writes the intent of `action` into the state, and the events that tell of it into `events`.
void apply(State& state, const Action& action, Instant now, std::vector<Event>& events);

/// Writes what was seen into the state. Observations of workers that are no longer known, or that
/// contradict the worker's phase (a READY from one that exited), change nothing.
void record(State& state, const Observation& observation, Instant now, std::vector<Event>& events);

} // namespace svc::rollout
