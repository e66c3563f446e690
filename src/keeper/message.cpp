#include "keeper/message.h"

#include <algorithm>
#include <array>

namespace svc::keeper {

namespace {

/// Not MAINPID: the main process is the keeper, who stays. Not what concerns fds: that is for us.
constexpr std::array<std::string_view, 10> passed_on_keys = {
    "READY", "RELOADING", "MONOTONIC_USEC", "STOPPING",      "STATUS",
    "ERRNO", "BUSERROR",  "WATCHDOG",       "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC"};

bool is_passed_on(std::string_view line) {
    const auto equals = line.find('=');
    return equals != std::string_view::npos &&
           std::find(passed_on_keys.begin(), passed_on_keys.end(), line.substr(0, equals)) !=
               passed_on_keys.end();
}

} // namespace

Message parse_message(std::string_view bytes) {
    Message message{.name = "stored"};
    constexpr std::string_view name_key = "FDNAME=";
    while (!bytes.empty()) {
        const std::string_view line = bytes.substr(0, bytes.find('\n'));
        bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
        if (line == "FDSTORE=1")
            message.store = true;
        else if (line == "FDSTOREREMOVE=1")
            message.remove = true;
        else if (line == "READY=1")
            message.ready = true;
        if (line.starts_with(name_key))
            message.name = line.substr(name_key.size());
        if (is_passed_on(line))
            message.passed_on.append(message.passed_on.empty() ? "" : "\n").append(line);
    }
    return message;
}

bool is_fd_name(std::string_view name) {
    return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
        return c > ' ' && c < '\x7f' && c != ':';
    });
}

} // namespace svc::keeper
