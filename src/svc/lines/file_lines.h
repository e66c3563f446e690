// The log file of a service whose workers write to one.
#pragma once

#include "svc/talk/console.h"

#include <cstdint>
#include <string>

namespace svc::cli {

/// Prints its last lines and, if asked to, what comes after them until SIGINT, also in the file that gets its name
/// next (logrotate).
int show_file(const std::string& path, std::uint32_t lines, bool follow, const Console& console);

} // namespace svc::cli
