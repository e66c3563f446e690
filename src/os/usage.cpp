#include "os/usage.h"

#include "base/text.h"
#include "os/connections.h"
#include "os/files.h"
#include "os/memory.h"

#include <algorithm>
#include <sys/resource.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr std::size_t numbers_each = 3;

/// Fields 14 to 17 of /proc/PID/stat (proc(5)): utime, stime, and those of children that were waited for, in
/// ticks; the name, in brackets, may have blanks and brackets in it.
std::optional<std::uint64_t> ticks_of(pid_t pid) {
    const std::string stat = read_unsized("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos)
        return std::nullopt;
    std::string_view rest = std::string_view(stat).substr(name_end + 1);
    const auto skip_word = [&rest] {
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
        rest.remove_prefix(std::min(rest.size(), rest.find(' ')));
    };
    for (int field = 3; field < 14; ++field)
        skip_word();
    std::uint64_t sum = 0;
    for (int field = 14; field <= 17; ++field) {
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
        const auto ticks = take_number(rest);
        if (!ticks)
            return std::nullopt;
        sum += *ticks;
    }
    return sum;
}

std::uint64_t microseconds_of(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
}

} // namespace

std::vector<Usage> usage_of(const std::vector<ProcessSet>& sets) {
    const auto a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    std::vector<Usage> all;
    for (const auto& processes : processes_of(sets)) {
        Usage usage;
        for (const pid_t pid : processes) {
            const auto ticks = ticks_of(pid);
            if (!ticks)
                continue; // it has gone, and what it used is its parent's
            usage.cpu_us = usage.cpu_us.value_or(0) + *ticks * 1'000'000 / a_second;
            usage.memory = usage.memory.value_or(0) + memory_of(pid);
        }
        all.push_back(usage);
    }
    return all;
}

Usage own_usage() {
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) != 0)
        return {};
    return {microseconds_of(used.ru_utime) + microseconds_of(used.ru_stime), memory_of(::getpid())};
}

Result<FileWork> start_look(const std::vector<ProcessSet>& sets, const Look& look) {
    return start_work(-1, -1, [&] {
        std::vector<Seen> seen(sets.size());
        if (look.listeners) {
            const auto counts = count_connections(sets, *look.listeners);
            for (std::size_t at = 0; at < sets.size(); ++at)
                seen[at].connections = counts[at];
        }
        if (look.usage) {
            const auto usage = usage_of(sets);
            for (std::size_t at = 0; at < sets.size(); ++at)
                seen[at].usage = usage[at];
        }
        return Result<std::string>(format_seen(seen));
    });
}

std::string format_seen(const std::vector<Seen>& seen) {
    std::vector<std::optional<std::uint64_t>> numbers;
    for (const Seen& each : seen) {
        numbers.push_back(each.connections);
        numbers.push_back(each.usage.cpu_us);
        numbers.push_back(each.usage.memory);
    }
    return format_counts(numbers);
}

std::vector<Seen> parse_seen(const std::string& text, std::size_t sets) {
    const auto numbers = parse_counts(text, sets * numbers_each);
    std::vector<Seen> seen(sets);
    for (std::size_t at = 0; at < sets; ++at)
        seen[at] = {numbers[at * numbers_each],
                    {numbers[at * numbers_each + 1], numbers[at * numbers_each + 2]}};
    return seen;
}

} // namespace svc::os
