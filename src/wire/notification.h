// One datagram of the sd_notify protocol, parsed (sd_notify(3); which keys mean something to a
// worker's supervisor is in svc-worker(7)). Pure.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace svc::wire {

/// Bytes; the rest of a longer datagram is ignored, and the line that the limit cuts with it: half
/// a MAINPID is another process.
inline constexpr std::size_t notification_limit = 4096;

enum class WatchdogWord { alive, trigger };

/// What a datagram said. Of a key that comes twice the first counts, as in systemd's manager.
struct Notification {
    /// At most one of the three is true: STOPPING=1 wins over READY=1, READY=1 over RELOADING=1.
    bool ready = false;
    bool reloading = false;
    bool stopping = false;

    bool barrier = false;  ///< BARRIER=1 alone; with any other line the datagram says nothing
    bool fd_store = false; ///< FDSTORE=1
    bool fd_store_remove = false;
    bool fd_poll = true; ///< FDPOLL=0 makes it false
    std::string fd_name;
    std::optional<std::string> status; ///< printable(); an empty one clears the last
    std::optional<std::int32_t> error; ///< ERRNO=, 0 to 4095
    std::string bus_error;             ///< printable()
    std::optional<std::int32_t> main_pid;
    std::optional<WatchdogWord> watchdog;
    std::optional<Duration> watchdog_period;  ///< WATCHDOG_USEC=
    std::optional<Duration> extend_timeout;   ///< EXTEND_TIMEOUT_USEC=, more than 0
    std::optional<Duration> monotonic;        ///< MONOTONIC_USEC=
    std::optional<std::string> notify_access; ///< "none", "main", "exec" or "all"
    std::optional<std::int32_t> exit_status;  ///< 0 to 255
    bool operator==(const Notification&) const = default;
};

/// Never fails: unknown keys, garbage and values out of range are ignored, as systemd does.
Notification parse_notification(std::string_view datagram);

} // namespace svc::wire
