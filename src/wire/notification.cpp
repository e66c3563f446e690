#include "wire/notification.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

namespace svc::wire {
namespace {

using Lines = std::vector<std::string_view>;

/// What a datagram says in one line each; empty for one that says nothing usable.
Lines split(std::string_view datagram) {
    // libsystemd's own clients send no NUL; some others send the string's terminator along.
    if (datagram.ends_with('\0'))
        datagram.remove_suffix(1);
    if (datagram.size() > notification_limit) {
        const auto whole = datagram.substr(0, notification_limit).find_last_of("\n\r");
        datagram = whole == std::string_view::npos ? "" : datagram.substr(0, whole);
    }
    // systemd's manager drops a datagram with a NUL inside (manager_dispatch_notify_fd()).
    if (datagram.find('\0') != std::string_view::npos)
        return {};

    Lines lines;
    while (!datagram.empty()) {
        const auto end = std::min(datagram.find_first_of("\n\r"), datagram.size());
        if (end > 0)
            lines.push_back(datagram.substr(0, end));
        datagram.remove_prefix(std::min(end + 1, datagram.size()));
    }
    return lines;
}

bool says(const Lines& lines, std::string_view line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

/// The value of the first line that starts with `key` ("STATUS=").
std::optional<std::string_view> value_of(const Lines& lines, std::string_view key) {
    for (const auto line : lines)
        if (line.starts_with(key))
            return line.substr(key.size());
    return std::nullopt;
}

template <class Number>
std::optional<Number> number_of(const Lines& lines, std::string_view key, Number least,
                                Number most) {
    const auto text = value_of(lines, key);
    if (!text)
        return std::nullopt;
    Number number{};
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc{} || stop != end || number < least || number > most)
        return std::nullopt;
    return number;
}

std::optional<Duration> microseconds_of(const Lines& lines, std::string_view key,
                                        std::int64_t least) {
    // A century: nothing longer can be meant, and a sum with a clock's reading cannot overflow.
    constexpr std::int64_t most = 100LL * 366 * 24 * 3600 * 1'000'000;
    const auto number = number_of<std::int64_t>(lines, key, least, most);
    return number ? std::optional(Duration(*number)) : std::nullopt;
}

/// As systemd's fdname_is_valid(): ASCII without control characters and colons, at most 255 bytes.
bool is_fd_name(std::string_view name) {
    return name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char character) {
               return character >= ' ' && character < 127 && character != ':';
           });
}

void read_file_descriptors(const Lines& lines, Notification& notification) {
    notification.fd_store = says(lines, "FDSTORE=1");
    notification.fd_store_remove = says(lines, "FDSTOREREMOVE=1");
    notification.fd_poll = !says(lines, "FDPOLL=0");
    if (const auto name = value_of(lines, "FDNAME="); name && is_fd_name(*name))
        notification.fd_name = *name;
}

void read_watchdog(const Lines& lines, Notification& notification) {
    if (const auto word = value_of(lines, "WATCHDOG=")) {
        if (*word == "1")
            notification.watchdog = WatchdogWord::alive;
        else if (*word == "trigger")
            notification.watchdog = WatchdogWord::trigger;
    }
    notification.watchdog_period = microseconds_of(lines, "WATCHDOG_USEC=", 0);
}

} // namespace

Notification parse_notification(std::string_view datagram) {
    Notification notification;
    const Lines lines = split(datagram);
    if (says(lines, "BARRIER=1")) {
        notification.barrier = lines.size() == 1;
        return notification;
    }

    notification.stopping = says(lines, "STOPPING=1");
    notification.ready = !notification.stopping && says(lines, "READY=1");
    notification.reloading =
        !notification.stopping && !notification.ready && says(lines, "RELOADING=1");

    if (const auto text = value_of(lines, "STATUS="))
        notification.status = printable(*text, notification_limit);
    if (const auto text = value_of(lines, "BUSERROR="))
        notification.bus_error = printable(*text, notification_limit);
    notification.error = number_of<std::int32_t>(lines, "ERRNO=", 0, 4095);
    notification.main_pid =
        number_of<std::int32_t>(lines, "MAINPID=", 1, std::numeric_limits<std::int32_t>::max());
    notification.exit_status = number_of<std::int32_t>(lines, "EXIT_STATUS=", 0, 255);
    notification.extend_timeout = microseconds_of(lines, "EXTEND_TIMEOUT_USEC=", 1);
    notification.monotonic = microseconds_of(lines, "MONOTONIC_USEC=", 0);
    if (const auto word = value_of(lines, "NOTIFYACCESS=");
        word == "none" || word == "main" || word == "exec" || word == "all")
        notification.notify_access = std::string(*word);
    read_file_descriptors(lines, notification);
    read_watchdog(lines, notification);
    return notification;
}

} // namespace svc::wire
