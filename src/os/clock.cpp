#include "os/clock.h"

#include <array>
#include <cerrno>
#include <ctime>

namespace svc::os {

namespace {

Duration read_clock(clockid_t clock) {
    timespec value{};
    // Fails only for a clock that does not exist or a bad pointer (clock_gettime(2)).
    if (::clock_gettime(clock, &value) != 0)
        fatal(system_error("clock_gettime", errno).message);
    return std::chrono::duration_cast<Duration>(std::chrono::seconds(value.tv_sec) +
                                                std::chrono::nanoseconds(value.tv_nsec));
}

} // namespace

Instant now() {
    return Instant(read_clock(CLOCK_MONOTONIC));
}

WallTime wall_now() {
    return WallTime(read_clock(CLOCK_REALTIME));
}

std::string local_time_text(WallTime time) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    std::tm parts{};
    std::array<char, 64> text{};
    if (::localtime_r(&seconds, &parts) == nullptr)
        return "?";
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return {text.data(), length};
}

} // namespace svc::os
