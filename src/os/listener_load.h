// How busy a listening socket is.
#pragma once

#include "base/address.h"

#include <cstdint>
#include <optional>

namespace svc::os {

struct ListenerLoad {
    std::optional<std::uint64_t> queue; ///< connections that wait for accept(2); of stream sockets
    std::optional<std::uint64_t>
        drops; ///< connections or datagrams refused for want of room, since it
               ///< was made; a unix stream waits instead of dropping
};

/// Asks the socket itself (TCP_INFO, SO_MEMINFO), unix ones over netlink: two or three system calls. What the kernel
/// does not tell is left out.
ListenerLoad listener_load(int fd, const Address& address);

} // namespace svc::os
