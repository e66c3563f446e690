// The units of time of the whole program. Nothing here reads a clock: os/clock.h does.
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace svc {

using Duration = std::chrono::microseconds;

/// CLOCK_MONOTONIC: the same for every process of one boot, so an Instant means the same to the
/// supervisor's next incarnation.
struct MonotonicClock {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicClock, duration>;
    static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

/// For people and for records; no decision depends on it.
using WallTime = std::chrono::sys_time<Duration>;

/// "30s", "1m30s", "250ms", "2h", "1d", "500us", "0"; a bare number is refused (which unit?). At
/// most 100 years.
Result<Duration> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back: "1m30s", "250ms", "0s".
std::string format_duration(Duration value);

/// For a person at a glance, two units at most: "2s", "1m30s", "3h12m", "5d4h".
std::string format_rough(Duration value);

} // namespace svc
