// Sockets handed in by the service manager (systemd.socket(5), sd_listen_fds(3)).
#pragma once

#include "base/unique_fd.h"

#include <map>
#include <string>
#include <vector>

namespace svc::os {

/// The sockets that systemd passed to this process (LISTEN_FDS for our pid), by FileDescriptorName,
/// close-on-exec, in the order in which they came. Several sockets may share a name; "unknown" is
/// the name of those that came without one. Every LISTEN_* variable is unset, also when nothing was
/// passed or it was meant for another process: a worker must only see its own. Fewer sockets than
/// LISTEN_FDS says are taken up to the first fd that is not open. Call it once, before anything
/// else opens an fd of its own choosing.
std::map<std::string, std::vector<UniqueFd>> take_systemd_sockets();

} // namespace svc::os
