// What a worker can do to a socket that it shares with everybody, found and undone.
//
// What each call shows on Linux 6.18, tried (tests/unit/os/listener_damage_test.cpp):
//
//   TCP    shutdown(SHUT_RD), connect(AF_UNSPEC): the socket falls back to CLOSE and its queue is
//          reset; listen() revives it, at the same port only if that was bound by number.
//          shutdown(SHUT_WR): nothing.
//   unix   shutdown(SHUT_RD) of a stream or seqpacket listener: every connect is refused, queued
//          connections are still accepted, and no call takes it back: listen() succeeds and changes
//          nothing. SHUT_RD of a datagram socket: senders get EPIPE, for good.
//   UDP    shutdown() gives ENOTCONN and yet marks the socket, for good: readers are told
//          end-of-file, and SHUT_WR makes every reply fail with EPIPE (which poll does not show).
//   UDP, unix datagram: connect() to one peer shuts out all others; connect(AF_UNSPEC) undoes it.
#include "os/listener_socket.h"

#include "os/files.h"
#include "os/remedy.h"
#include "os/sock_diag.h"
#include "os/socket_address.h"
#include "os/socket_kind.h"
#include "os/unix_path.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace svc::os {

namespace {

/// listen(2) cuts every backlog there, silently. A worker's listen() did too, so a short queue is
/// damage only below the lesser of the two. Read only when it matters: when less than wished is
/// seen.
bool is_shrunk(std::uint32_t backlog, std::optional<std::uint32_t> wished) {
    if (!wished || backlog >= *wished)
        return false;
    const auto text = read_file("/proc/sys/net/core/somaxconn", 64);
    std::uint32_t cap = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), cap).ec != std::errc())
        return false;
    return backlog < std::min(*wished, cap);
}

/// Of a socket of our own there is always one that it should have.
std::optional<std::uint32_t> wished_backlog(const Address& address,
                                            const ListenerOptions& options) {
    if (address.family == AddressFamily::systemd)
        return options.backlog;
    return options.backlog.value_or(default_backlog);
}

bool receive_is_shut_down(int fd) {
    pollfd entry{.fd = fd, .events = POLLRDHUP, .revents = 0};
    // POLLRDHUP for SHUT_RD, POLLHUP for SHUT_RDWR. Zero timeout: it does not wait.
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLRDHUP | POLLHUP)) != 0;
}

std::optional<tcp_info> tcp_info_of(int fd) {
    tcp_info info{};
    socklen_t length = sizeof(info);
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return std::nullopt;
    return info;
}

/// Of a listening socket, tcpi_unacked is the length of the queue and tcpi_sacked its limit
/// (tcp_get_info(), net/ipv4/tcp.c; what ss(8) shows as Send-Q).
std::uint32_t backlog_in(const tcp_info& info) {
    return info.tcpi_sacked;
}

Damage inspect_tcp(int fd, std::optional<std::uint32_t> backlog) {
    const auto info = tcp_info_of(fd);
    if (!info)
        return {};
    if (info->tcpi_state != TCP_LISTEN)
        return {.shut_down = true};
    return {.backlog_shrunk = is_shrunk(backlog_in(*info), backlog)};
}

Damage inspect_unix_listening(int fd, std::optional<std::uint32_t> backlog) {
    if (const auto state = unix_listener_state(fd))
        return {.shut_down = state->receive_shut_down,
                .backlog_shrunk = is_shrunk(state->backlog, backlog)};
    return {.shut_down = receive_is_shut_down(fd)};
}

Damage inspect_datagram(int fd) {
    SocketAddress peer;
    return {.shut_down = receive_is_shut_down(fd),
            .connected = ::getpeername(fd, peer.get(), &peer.length) == 0};
}

Damage inspect_socket(int fd, SocketKind kind, std::optional<std::uint32_t> backlog) {
    switch (kind) {
    case SocketKind::tcp:
        return inspect_tcp(fd, backlog);
    case SocketKind::unix_listening:
        return inspect_unix_listening(fd, backlog);
    case SocketKind::udp:
    case SocketKind::unix_datagram:
        return inspect_datagram(fd);
    }
    fatal("a kind of socket that does not exist");
}

Result<void> disconnect(int fd, const Address& address) {
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    if (::connect(fd, &nobody, sizeof(nobody)) == 0)
        return {};
    return system_error("cannot take back a worker's connect() on " + format_address(address),
                        errno, "stop and start the service");
}

Error beyond_repair(const Address& address) {
    return Error{"cannot revive " + format_address(address) +
                     ": a worker called shutdown() on it, and for this kind of socket the kernel "
                     "never takes that back; stop and start the service to get a new socket, and "
                     "keep the worker from shutting down a socket that it inherited",
                 EPIPE};
}

Result<void> put_path_back(const Address& address, const std::string& link_path) {
    const std::string what = "cannot put the path of " + format_address(address) + " back";
    if (link_path.empty())
        return Error{what + ": there is no other link to it; stop and start the service, and keep "
                            "the worker from removing the path when it exits",
                     ENOENT};
    if (auto linked = link_over(link_path, address.host); !linked)
        return Error{what + ": " + linked.error().message, linked.error().code};
    return {};
}

} // namespace

std::optional<std::uint32_t> backlog_of(int fd, const Address& address) {
    const auto kind = kind_of_socket(fd, address);
    if (kind && *kind == SocketKind::tcp) {
        const auto info = tcp_info_of(fd);
        if (info && info->tcpi_state == TCP_LISTEN)
            return backlog_in(*info);
    } else if (kind && *kind == SocketKind::unix_listening) {
        if (const auto state = unix_listener_state(fd))
            return state->backlog;
    }
    return std::nullopt;
}

Damage inspect(int fd, const Address& address, const ListenerOptions& options,
               const std::string& link_path) {
    const auto kind = kind_of_socket(fd, address);
    if (!kind)
        return {};
    Damage damage = inspect_socket(fd, *kind, wished_backlog(address, options));
    if (address.family == AddressFamily::unix_path)
        damage.path_gone = !is_our_path(address.host, link_path);
    return damage;
}

Result<void> repair(int fd, const Address& address, const ListenerOptions& options,
                    const std::string& link_path, const Damage& damage) {
    Result<void> result;
    const auto attempt = [&result](Result<void> repaired) {
        if (result && !repaired)
            result = std::move(repaired);
    };
    const auto kind = kind_of_socket(fd, address);
    if (!kind)
        return kind.error();
    if (damage.connected)
        attempt(disconnect(fd, address));
    if (damage.shut_down && *kind != SocketKind::tcp)
        attempt(beyond_repair(address));
    // Both are listen(2), which also puts the supervisor's credentials back into what a unix
    // client reads with SO_PEERCRED. Falling back to CLOSE may have lost options too.
    if ((damage.shut_down && *kind == SocketKind::tcp) || damage.backlog_shrunk)
        attempt(apply_live_options(fd, address, options));
    if (damage.path_gone)
        attempt(put_path_back(address, link_path));
    return result;
}

Result<std::string> keep_private_link(const Address& address, const std::string& link_path) {
    if (address.family != AddressFamily::unix_path)
        return Error{"cannot link " + format_address(address) + ": it has no path", EINVAL};
    const auto linked = link_over(address.host, link_path);
    if (linked)
        return link_path;
    if (linked.error().code != EXDEV)
        return linked.error();
    std::string beside = link_beside(address.host);
    if (auto hidden = link_over(address.host, beside); !hidden)
        return hidden.error();
    return beside;
}

std::string link_beside(const std::string& path) {
    const std::size_t name = path.rfind('/') + 1;
    return path.substr(0, name) + "." + path.substr(name) + ".svc";
}

void remove_unix_paths(const Address& address, const std::string& link_path) {
    if (address.family != AddressFamily::unix_path)
        return;
    if (!link_path.empty() && ::access(link_path.c_str(), F_OK) == 0) {
        if (is_our_path(address.host, link_path))
            ::unlink(address.host.c_str());
        ::unlink(link_path.c_str());
        return;
    }
    // Nothing tells whose path it is, but a socket that nobody has open is of no use to anybody.
    [[maybe_unused]] const auto removed = remove_stale_socket(
        address.host, socket_type_number(address.type), format_address(address));
}

} // namespace svc::os
