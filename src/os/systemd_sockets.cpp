#include "os/systemd_sockets.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace svc::os {

namespace {

// LISTEN_PIDFDID is set and read by newer systemd only.
constexpr std::array listen_variables = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID",
                                         "LISTEN_FDNAMES"};

constexpr int first_passed_fd = 3; // SD_LISTEN_FDS_START of sd-daemon.h

std::string_view text_in(const char* variable) {
    const char* text = ::getenv(variable);
    return text == nullptr ? std::string_view() : text;
}

/// 0 for what is not a number.
std::int64_t number_in(const char* variable) {
    const std::string_view text = text_in(variable);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

/// Names that do not match the sockets could name the wrong ones: then none has a name.
std::vector<std::string> names_of(std::size_t count) {
    std::vector<std::string> names;
    std::string_view rest = text_in("LISTEN_FDNAMES");
    for (std::size_t colon = 0; colon != std::string_view::npos && names.size() <= count;) {
        colon = rest.find(':');
        names.emplace_back(rest.substr(0, colon));
        rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    }
    if (names.size() != count || text_in("LISTEN_FDNAMES").empty())
        names.assign(count, "unknown");
    return names;
}

/// The protocol of sd_listen_fds(3), which its page declares stable and free to implement. Ours,
/// because it is what this program speaks to its own workers, and because libsystemd brings six
/// further libraries, a fifth of the supervisor's memory, for these lines.
std::map<std::string, std::vector<UniqueFd>> passed_sockets() {
    std::map<std::string, std::vector<UniqueFd>> sockets;
    if (number_in("LISTEN_PID") != ::getpid())
        return sockets;
    std::vector<UniqueFd> passed;
    // The variable is whoever's that started us: only an fd that is open counts.
    const std::int64_t count = number_in("LISTEN_FDS");
    for (int fd = first_passed_fd; fd - first_passed_fd < count; ++fd) {
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            break;
        passed.emplace_back(fd);
    }
    const auto names = names_of(passed.size());
    for (std::size_t i = 0; i < passed.size(); ++i)
        sockets[names[i]].push_back(std::move(passed[i]));
    return sockets;
}

} // namespace

std::map<std::string, std::vector<UniqueFd>> take_systemd_sockets() {
    auto sockets = passed_sockets();
    for (const char* variable : listen_variables)
        ::unsetenv(variable);
    return sockets;
}

} // namespace svc::os
