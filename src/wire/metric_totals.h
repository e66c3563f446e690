// What is counted since a service was started, for the metrics. A supervisor leaves it to the next one.
#pragma once

#include "base/time.h"

#include <boost/describe/class.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace svc::wire {

/// How many durations were at most as long as each bound of a histogram and longer than the one before it, and at
/// the end those that were longer than all.
struct DurationTotals {
    std::vector<std::uint64_t> counts;
    std::int64_t sum_us = 0;

    void add(Duration length, std::span<const Duration> bounds) {
        // Of a supervisor with other bounds: it cannot be gone on with.
        if (counts.size() != bounds.size() + 1)
            *this = {std::vector<std::uint64_t>(bounds.size() + 1), 0};
        length = std::max(length, Duration::zero());
        const auto place = std::lower_bound(bounds.begin(), bounds.end(), length);
        ++counts[static_cast<std::size_t>(place - bounds.begin())];
        sum_us += length.count();
    }
    bool operator==(const DurationTotals&) const = default;
};
BOOST_DESCRIBE_STRUCT(DurationTotals, (), (counts, sum_us))

struct MetricTotals {
    std::map<std::string, std::uint64_t> restarts; ///< by reason
    std::map<std::string, std::uint64_t> rollouts; ///< by result
    std::uint64_t killed = 0; ///< workers that were not gone at the end of their grace
    DurationTotals rollout;
    DurationTotals ready;
    DurationTotals drain;

    bool operator==(const MetricTotals&) const = default;
};
BOOST_DESCRIBE_STRUCT(MetricTotals, (), (restarts, rollouts, killed, rollout, ready, drain))

} // namespace svc::wire
