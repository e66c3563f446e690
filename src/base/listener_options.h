// What can be set on a listening socket, named as socket(7), tcp(7), ip(7) and systemd.socket(5)
// do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace svc {

inline constexpr std::uint32_t default_backlog = 4096;

/// Unset members leave the kernel's default. Two kinds, and the service file's manual page says
/// which is which: *creation-only* ones are part of what the socket is (a change of one at an
/// unchanged address is refused at a reload); *live* ones are applied to the open socket at a
/// reload and put back at a rollback.
struct ListenerOptions {
    // creation-only
    std::optional<bool> v6only; ///< IPV6_V6ONLY; our default for IPv6 is true
    bool reuse_port = false;    ///< SO_REUSEPORT
    bool free_bind = false;     ///< IP_FREEBIND
    bool transparent = false;   ///< IP_TRANSPARENT
    std::string bind_to_device; ///< SO_BINDTODEVICE; empty: none
    bool nonblock = false; ///< O_NONBLOCK, set once when made, never touched again: it is shared
    std::optional<std::uint32_t> mode; ///< permission bits of a unix socket's path; default 0666
    std::string owner;                 ///< of a unix socket's path: user, empty: unchanged
    std::string group;

    // live
    /// listen(2); capped by net.core.somaxconn. Unset: default_backlog; on a socket from systemd what
    /// its unit says.
    std::optional<std::uint32_t> backlog;
    std::optional<std::uint32_t> tcp_fastopen; ///< queue length
    std::optional<std::uint32_t> defer_accept; ///< seconds
    std::optional<bool> keepalive;
    std::optional<bool> nodelay;
    std::optional<std::uint32_t> receive_buffer; ///< SO_RCVBUF, bytes
    std::optional<std::uint32_t> send_buffer;    ///< SO_SNDBUF, bytes
    std::optional<std::uint32_t> mark;           ///< SO_MARK

    bool operator==(const ListenerOptions&) const = default;
};

/// True if an open socket made with `a` serves as one made with `b`: no creation-only member
/// differs.
bool same_creation(const ListenerOptions& a, const ListenerOptions& b);

} // namespace svc
