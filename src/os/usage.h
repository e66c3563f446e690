// What processes use of the machine.
#pragma once

#include "base/address.h"
#include "os/file_work.h"
#include "os/process_set.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace svc::os {

/// nullopt: nobody can tell, because no process of them is to be seen.
struct Usage {
    std::optional<std::uint64_t>
        cpu_us; ///< of all that live, and of their children that were waited for
    std::optional<std::uint64_t> memory; ///< bytes, as memory_of() (os/memory.h)
    bool operator==(const Usage&) const = default;
};
/// In the order of the sets.
std::vector<Usage> usage_of(const std::vector<ProcessSet>& sets);
/// Of this process.
Usage own_usage();

/// What is to be looked for in each set.
struct Look {
    std::optional<std::vector<Address>>
        listeners; ///< count_connections(); nullopt: nothing is counted
    bool usage = false;
};
struct Seen {
    std::optional<std::uint64_t> connections;
    Usage usage;
    bool operator==(const Seen&) const = default;
};
/// Looks in a child of ours; parse_seen() reads what it answers: as many as there were sets, and nothing known of any
/// if it says anything else.
Result<FileWork> start_look(const std::vector<ProcessSet>& sets, const Look& look);
/// Three numbers of 64 bits with what stands between them: what an answer has for a set at most, in bytes.
inline constexpr std::size_t longest_seen = 64;
std::string format_seen(const std::vector<Seen>& seen);
std::vector<Seen> parse_seen(const std::string& text, std::size_t sets);

} // namespace svc::os
