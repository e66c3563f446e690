// What the kernel tells of a unix socket over netlink and nowhere else (sock_diag(7)).
#pragma once

#include <cstdint>
#include <optional>

namespace svc::os {

struct UnixListenerState {
    bool receive_shut_down = false; ///< shutdown(2) with SHUT_RD or SHUT_RDWR: connects are refused
    std::uint32_t backlog = 0;      ///< what listen(2) set, after net.core.somaxconn
};

/// Of a listening unix socket, in three system calls: no getsockopt(2) gives the backlog. nullopt:
/// the kernel does not tell (no unix_diag module, a seccomp filter), or `fd` does not listen. The
/// netlink socket is opened at the first call and kept, one a thread.
std::optional<UnixListenerState> unix_listener_state(int fd);

} // namespace svc::os
