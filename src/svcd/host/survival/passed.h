// What the service manager passed to this process at its start (LISTEN_FDS), sorted by whose it is.
#pragma once

#include "base/unique_fd.h"
#include "svcd/host/survival/fd_store.h"

#include <map>
#include <string>
#include <vector>

namespace svc::daemon {

/// systemd gives the sockets of a .socket unit and the fds of its store in one list.
struct Passed {
    std::map<std::string, std::vector<UniqueFd>> sockets; ///< by FileDescriptorName
    KeptFds kept;                                         ///< an earlier supervisor's
    bool upgraded = false; ///< that one executed us, in its own process: there is a way back
};

/// Those whose name begins with kept_prefix are an earlier supervisor's.
Passed sort_passed(std::map<std::string, std::vector<UniqueFd>>&& fds);

} // namespace svc::daemon
