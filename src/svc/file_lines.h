// The log file of a service whose workers write to one.
#pragma once

#include "svc/verbs.h"

#include <cstdint>
#include <string>

namespace svc::cli {

/// Prints its last lines and, if asked to, what comes after them until SIGINT, also in the file that gets its name
/// next (logrotate).
int show_file(const std::string& path, std::uint32_t lines, bool follow, const Console& console);

/// Where the service file called NAME is looked for: the user's directory, if it is there, else /etc/svc.
std::string usual_service_file(const std::string& service);

} // namespace svc::cli
