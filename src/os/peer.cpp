#include "os/peer.h"

#include <sys/socket.h>

namespace svc::os {

std::optional<pid_t> listening_process(int fd) {
    int domain = 0;
    socklen_t length = sizeof(domain);
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX)
        return std::nullopt;
    ucred peer{};
    length = sizeof(peer);
    // Of a socket that is not connected the kernel says uid -1 (no credentials were ever noted).
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        peer.uid == static_cast<uid_t>(-1))
        return std::nullopt;
    return peer.pid;
}

} // namespace svc::os
