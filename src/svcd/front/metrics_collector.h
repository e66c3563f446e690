// What the metrics are: counters from the events as they come, gauges from the state when somebody looks.
#pragma once

#include "rollout/event.h"
#include "wire/control.h"

#include <vector>

namespace svc::daemon {

/// How much later than they were due things began: observations that waited for their step, and deadlines. No timer
/// of its own measures it, so a supervisor that has nothing to do has nothing to tell.
struct LoopLatency {
    wire::DurationTotals totals;
    Duration most{};

    void add(Duration late);
};

/// `state` as it is after the event. What an event counts as is a word of a closed set, never its text.
void count_event(wire::MetricTotals& totals, const rollout::Event& event,
                 const rollout::State& state, Instant now);

struct MetricsSource {
    const wire::ServiceStatus& status; ///< with what a closer look shows
    const rollout::State& state;
    const wire::MetricTotals& totals;
    const LoopLatency& latency;
    WallTime started{}; ///< this supervisor
};
/// Every family, always in this order; every sample has the label `service`.
std::vector<wire::MetricFamily> collect_metrics(const MetricsSource& source);

} // namespace svc::daemon
