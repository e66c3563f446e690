// The supervisor as the keeper's child: what it is given at each of its starts.
#pragma once

#include "keeper/store.h"

#include <string>
#include <sys/resource.h>
#include <vector>

namespace svc::keeper {

struct Child {
    std::vector<std::string> command; ///< the path of svcd, then its arguments
    std::string notify_socket;        ///< NOTIFY_SOCKET
    std::size_t store_limit = 0;      ///< FDSTORE
    std::vector<NamedFd> passed;      ///< by a manager of our own, to us, for it
    rlimit files{};                   ///< RLIMIT_NOFILE as we were started with
};

/// In the forked child: puts the fds on 3 and the numbers after it, in this order, sets the variables that
/// tell of them, and executes the command. Comes back only to say on stderr what failed, and to _exit().
[[noreturn]] void become(const Child& child, const std::vector<NamedFd>& stored);

} // namespace svc::keeper
