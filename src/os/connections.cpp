#include "os/connections.h"

#include "os/files.h"
#include "os/sock_diag.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <set>
#include <string_view>
#include <unistd.h>

namespace svc::os {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// The sockets among its fds that are in `known` are added to `to`. False: it may not be looked at.
bool add_sockets(pid_t pid, const SocketInodes& known, SocketInodes& to) {
    const Directory directory(::opendir(("/proc/" + std::to_string(pid) + "/fd").c_str()),
                              ::closedir);
    if (!directory)
        return errno == ENOENT || errno == ESRCH; // it is gone, and its connections with it
    constexpr std::string_view prefix = "socket:[";
    const int place = ::dirfd(directory.get());
    while (const dirent* entry = ::readdir(directory.get())) {
        std::array<char, 64> target; // NOLINT: filled by readlinkat()
        const ssize_t length = ::readlinkat(place, entry->d_name, target.data(), target.size());
        if (length < 0 && (errno == EACCES || errno == EPERM))
            return false;
        const std::string_view link(target.data(),
                                    length < 0 ? 0 : static_cast<std::size_t>(length));
        if (!link.starts_with(prefix) || !link.ends_with(']'))
            continue;
        const auto inode = number_of(link.substr(prefix.size(), link.size() - prefix.size() - 1));
        if (inode && known.contains(static_cast<std::uint32_t>(*inode)))
            to.insert(static_cast<std::uint32_t>(*inode));
    }
    return true;
}

std::optional<std::uint64_t> count_of(const std::set<pid_t>& processes, const SocketInodes& known) {
    SocketInodes its_own;
    for (const pid_t pid : processes)
        if (!add_sockets(pid, known, its_own))
            return std::nullopt;
    return its_own.size();
}

} // namespace

std::vector<std::optional<std::uint64_t>> count_connections(const std::vector<ProcessSet>& sets,
                                                            const std::vector<Address>& listeners) {
    std::vector<std::optional<std::uint64_t>> counts(sets.size());
    const auto known = connections_at(listeners);
    if (!known)
        return counts;
    if (known->empty()) // whoever they are, they have none: nobody's fds have to be read
        return std::vector<std::optional<std::uint64_t>>(sets.size(), 0);
    const auto processes = processes_of(sets);
    for (std::size_t at = 0; at < sets.size(); ++at)
        counts[at] = count_of(processes[at], *known);
    return counts;
}

std::string format_counts(const std::vector<std::optional<std::uint64_t>>& counts) {
    std::string text;
    for (const auto& count : counts)
        text += (text.empty() ? "" : " ") + (count ? std::to_string(*count) : std::string("?"));
    return text;
}

std::vector<std::optional<std::uint64_t>> parse_counts(const std::string& text, std::size_t sets) {
    std::vector<std::optional<std::uint64_t>> counts;
    std::string_view rest = text;
    while (!rest.empty() && counts.size() < sets) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        counts.push_back(number_of(word));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    if (counts.size() != sets || !rest.empty())
        return std::vector<std::optional<std::uint64_t>>(sets);
    return counts;
}

} // namespace svc::os
