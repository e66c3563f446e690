// What `svc logs` makes of the journal's entries. Pure but for the local time zone.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "svc/screen/terminal.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::cli {

/// One entry of a service's story: a line that a worker wrote, or one of its supervisor's.
struct LogEntry {
    WallTime at{};
    std::string cursor;
    std::string unit;           ///< _SYSTEMD_UNIT or, under a user manager, _SYSTEMD_USER_UNIT
    std::uint64_t revision = 0; ///< of the worker, or of what the supervisor says; 0: none
    std::optional<std::uint32_t> replica;
    std::string who; ///< "r7-2", "svcd", or who else writes in the service's unit
    int priority = 6;
    std::string text;
    bool of_service = false; ///< it is of the service that was asked for, or of its unit
};

/// An entry as `journalctl --output=json` writes it.
Result<LogEntry> read_log_entry(std::string_view json, std::string_view service);

struct LogFilter {
    std::uint64_t revision = 0; ///< 0: any
    std::optional<std::uint32_t> replica;
};
/// "web.r7.2" → 7 and 2, for "web"; nothing if it is another's.
struct StreamName {
    std::uint64_t revision = 0;
    std::uint32_t replica = 0;
};
std::optional<StreamName> parse_stream_name(std::string_view identifier, std::string_view service);
bool is_wanted(const LogEntry& entry, const LogFilter& filter);

/// "09:10:11.123 r7-2 | text", coloured by worker; nothing in it can steer a terminal.
std::string render_log_entry(const LogEntry& entry, bool color);

/// Arguments of journalctl that select what may be the service's, for is_wanted() to choose from. `identifiers`: those
/// that the journal knows; `unit`: where its supervisor wrote last, or empty.
std::vector<std::string> journal_matches(const std::string& service,
                                         const std::vector<std::string>& identifiers,
                                         const std::string& unit, std::uint64_t revision);

} // namespace svc::cli
