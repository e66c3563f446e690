// Address ↔ sockaddr.
#pragma once

#include "base/address.h"

#include <string>
#include <sys/socket.h>

namespace svc::os {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_storage);

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// An error for AddressFamily::systemd (it has none) and for a name too long for a sockaddr_un.
/// `device` gives a link-local IPv6 address its scope.
Result<SocketAddress> to_socket_address(const Address& address, const std::string& device);

/// IPv4, IPv6 and unix; an error names any other family.
Result<Address> from_socket_address(const SocketAddress& socket_address, SocketType type);

/// SOCK_STREAM and so on.
int socket_type_number(SocketType type);

} // namespace svc::os
