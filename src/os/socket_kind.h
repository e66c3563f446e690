// What sort of listener a socket is, as far as options and damage go.
#pragma once

#include "base/address.h"
#include "base/result.h"

namespace svc::os {

enum class SocketKind {
    tcp,
    udp,
    unix_listening, ///< stream and seqpacket: connections are accepted
    unix_datagram,
};

/// Of a socket at an address of our own, without a system call; AddressFamily::systemd says nothing
/// about what it is, and is read from `fd`. An error for a family that is neither IP nor unix.
Result<SocketKind> kind_of_socket(int fd, const Address& address);

/// True if clients connect to it: listen(2) applies.
bool accepts_connections(SocketKind kind);

} // namespace svc::os
