// Which services there are on this machine: one directory each, with the supervisor's control
// socket in it.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <string>
#include <vector>

namespace svc::cli {

struct Service {
    std::string name;
    std::string control; ///< path of the socket
};

/// Where to look, in this order: `option` alone; SVC_RUNTIME_DIR alone; $XDG_RUNTIME_DIR/svc and
/// /run/svc.
std::vector<std::string> runtime_directories(const std::string& option);

/// Those that have a control socket, dead ones too, by name; the first directory wins.
std::vector<Service> find_services(const std::vector<std::string>& directories);

/// The service called `name`; without a name, the only one whose supervisor takes connections, or does so
/// within `patience`: one that was killed a moment ago counts. The error's code is ENOENT if there is none,
/// ENOTUNIQ if there are several.
Result<Service> choose_service(const std::string& name, const std::vector<std::string>& directories,
                               Duration patience);

} // namespace svc::cli
