#include "os/socket_kind.h"

#include <cerrno>
#include <optional>
#include <sys/socket.h>

namespace svc::os {

namespace {

std::optional<int> socket_option(int fd, int name) {
    int value = 0;
    socklen_t length = sizeof(value);
    if (::getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0)
        return std::nullopt;
    return value;
}

} // namespace

Result<SocketKind> kind_of_socket(int fd, const Address& address) {
    const bool datagram = address.type == SocketType::datagram;
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6:
        return datagram ? SocketKind::udp : SocketKind::tcp;
    case AddressFamily::unix_path:
    case AddressFamily::unix_abstract:
        return datagram ? SocketKind::unix_datagram : SocketKind::unix_listening;
    case AddressFamily::systemd:
        break;
    }
    const auto domain = socket_option(fd, SO_DOMAIN);
    const auto type = socket_option(fd, SO_TYPE);
    if (!domain || !type)
        return system_error("cannot use " + format_address(address) + " as a listener", errno);
    if (domain == AF_UNIX)
        return type == SOCK_DGRAM ? SocketKind::unix_datagram : SocketKind::unix_listening;
    if (domain == AF_INET || domain == AF_INET6)
        return type == SOCK_DGRAM ? SocketKind::udp : SocketKind::tcp;
    return Error{"cannot use " + format_address(address) +
                     " as a listener: it is of address family " + std::to_string(*domain) +
                     "; only IPv4, IPv6 and unix sockets are understood",
                 EAFNOSUPPORT};
}

bool accepts_connections(SocketKind kind) {
    return kind == SocketKind::tcp || kind == SocketKind::unix_listening;
}

} // namespace svc::os
