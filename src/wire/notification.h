// One datagram of the sd_notify protocol, parsed (sd_notify(3), FACTS of the keys in
// svc-worker(7)). Pure.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace svc::wire {

inline constexpr std::size_t notification_limit =
    4096; ///< bytes; the rest of a longer datagram is ignored

enum class WatchdogWord { alive, trigger };

struct Notification {
    bool ready = false;
    bool reloading = false;
    bool stopping = false;
    bool barrier = false;  ///< BARRIER=1 alone
    bool fd_store = false; ///< FDSTORE=1
    bool fd_store_remove = false;
    bool fd_poll = true; ///< FDPOLL=0 makes it false
    std::string fd_name;
    std::optional<std::string> status; ///< printable()
    std::optional<std::int32_t> error; ///< ERRNO=
    std::string bus_error;
    std::optional<std::int32_t> main_pid;
    std::optional<WatchdogWord> watchdog;
    std::optional<Duration> watchdog_period; ///< WATCHDOG_USEC=
    std::optional<Duration> extend_timeout;  ///< EXTEND_TIMEOUT_USEC=
    std::optional<Duration> monotonic;       ///< MONOTONIC_USEC=
    std::optional<std::string> notify_access;
    std::optional<std::int32_t> exit_status;
    bool operator==(const Notification&) const = default;
};

/// Never fails: unknown keys, garbage and values out of range are ignored, as systemd does.
Notification parse_notification(std::string_view datagram);

} // namespace svc::wire
