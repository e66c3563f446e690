// Environment files as systemd.exec(5), EnvironmentFile=, reads them. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

inline constexpr std::size_t environment_file_limit = 1u << 20; ///< bytes

struct EnvironmentMistake {
    std::uint32_t line = 0;
    std::string message;
    bool operator==(const EnvironmentMistake&) const = default;
};

struct ParsedEnvironment {
    std::map<std::string, std::string> variables; ///< a later assignment replaces an earlier one
    std::vector<EnvironmentMistake> mistakes;
};

/// KEY=value a line. Empty lines and those that start with '#' or ';' are comments. Outside quotes
/// a backslash keeps the next character and joins lines, and blanks around the value are dropped.
/// '…' keeps everything; "…" keeps all but backslash before one of "\`$ and a newline. Nothing is
/// expanded: $NAME stays as written. Where systemd skips a line that it cannot read, this is a
/// mistake: a variable that silently is not there is found much later.
ParsedEnvironment parse_environment(std::string_view text);

} // namespace svc::daemon
