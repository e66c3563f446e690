// What the kernel tells of sockets over netlink and nowhere else (sock_diag(7)).
#pragma once

#include "base/address.h"

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

namespace svc::os {

struct UnixListenerState {
    bool receive_shut_down = false; ///< shutdown(2) with SHUT_RD or SHUT_RDWR: connects are refused
    std::uint32_t queue = 0;        ///< connections that wait for accept(2)
    std::uint32_t backlog = 0;      ///< what listen(2) set, after net.core.somaxconn
};

/// Of a listening unix socket, in three system calls: no getsockopt(2) gives the backlog. nullopt:
/// the kernel does not tell (no unix_diag module, a seccomp filter), or `fd` does not listen. The
/// netlink socket is opened at the first call and kept, one a thread.
std::optional<UnixListenerState> unix_listener_state(int fd);

/// The socket is of our own network namespace. True, too, on a kernel that does not tell (before 5.14).
bool is_in_own_network(int fd);

/// As /proc/PID/fd names them: "socket:[4711]".
using SocketInodes = std::unordered_set<std::uint32_t>;

/// The connected sockets in our network namespace whose own end is one of these addresses, if a process has them:
/// one that waits for accept(2) has no inode yet. A wildcard address is every address of its family. nullopt:
/// the kernel does not tell. Addresses of datagram sockets are passed over; those of systemd's are not to be
/// given.
///
/// One pass over all of the machine's TCP connections for each family that is asked for (with one port alone,
/// only its connections are copied), and one over all unix sockets. Blocks for that long, 2 s at most for each
/// answer of the kernel's.
std::optional<SocketInodes> connections_at(const std::vector<Address>& addresses);

} // namespace svc::os
