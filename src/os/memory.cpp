#include "os/memory.h"

#include "base/text.h"
#include "os/files.h"
#include "os/process_tree.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

namespace svc::os {

namespace {

constexpr std::size_t process_limit = 4096;

std::optional<std::uint64_t> number_in(std::string_view text) {
    return take_number(text);
}

/// The number behind `key` on the line that starts with it.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.starts_with(key))
            return number_in(line.substr(key.size()));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return std::nullopt;
}

/// "12 MiB" is written as "12288 kB" there; the kernel means KiB.
std::uint64_t kibibytes_after(std::string_view text, std::string_view key) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() >> 10;
    return std::min(number_after(text, key).value_or(0), most) << 10;
}

std::optional<std::uint64_t> headroom_of_one(const std::string& directory) {
    // "max" is no number: no limit.
    const auto limit = number_in(read_unsized(directory + "/memory.max"));
    const auto current = number_in(read_unsized(directory + "/memory.current"));
    if (!limit || !current)
        return std::nullopt;
    const std::uint64_t cache =
        number_after(read_unsized(directory + "/memory.stat"), "inactive_file ").value_or(0);
    const std::uint64_t used = *current - std::min(*current, cache);
    return *limit - std::min(*limit, used);
}

} // namespace

std::uint64_t memory_of(pid_t pid) {
    const std::string status = read_unsized("/proc/" + std::to_string(pid) + "/status");
    return kibibytes_after(status, "RssAnon:") + kibibytes_after(status, "RssShmem:") +
           kibibytes_after(status, "VmSwap:");
}

std::uint64_t memory_of_trees(std::span<const pid_t> roots) {
    std::uint64_t sum = 0;
    for (const pid_t pid : processes_of_trees(roots, process_limit))
        sum += memory_of(pid);
    return sum;
}

std::optional<std::uint64_t> cgroup_headroom(const std::string& mount, std::string path) {
    std::optional<std::uint64_t> least;
    for (;;) {
        const auto here = headroom_of_one(mount + path);
        if (here && (!least || *here < *least))
            least = here;
        const std::size_t slash = path.find_last_of('/');
        if (slash == std::string::npos || path.size() <= 1)
            return least;
        path.resize(slash);
    }
}

std::optional<std::uint64_t> available_memory() {
    const std::string machine = read_unsized("/proc/meminfo");
    std::optional<std::uint64_t> available;
    if (number_after(machine, "MemAvailable:"))
        available = kibibytes_after(machine, "MemAvailable:");

    // cgroups(7): the line of version 2 is "0::PATH".
    const std::string groups = read_unsized("/proc/self/cgroup");
    const std::size_t line = groups.starts_with("0::") ? 0 : groups.find("\n0::");
    if (line == std::string::npos)
        return available;
    const std::size_t begin = groups.find("0::", line) + 3;
    const std::string path = groups.substr(begin, groups.find('\n', begin) - begin);
    const auto headroom = cgroup_headroom("/sys/fs/cgroup", path);
    if (!headroom)
        return available;
    return available ? std::min(*available, *headroom) : headroom;
}

int own_oom_score_adj() {
    const std::string text = read_unsized("/proc/self/oom_score_adj");
    int score = 0;
    std::from_chars(text.data(), text.data() + text.size(), score);
    return score;
}

} // namespace svc::os
