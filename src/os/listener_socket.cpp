#include "os/listener_socket.h"

#include "os/files.h"
#include "os/remedy.h"
#include "os/socket_address.h"
#include "os/socket_kind.h"
#include "os/socket_options.h"
#include "os/unix_path.h"

#include <cerrno>
#include <charconv>
#include <climits>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace svc::os {

namespace {

/// net.ipv4.ip_unprivileged_port_start holds for IPv6 too (ip(7)).
unsigned first_unprivileged_port() {
    unsigned port = 1024;
    if (const auto text = read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", 64))
        std::from_chars(text->data(), text->data() + text->size(), port);
    return port;
}

std::string remedy_of_ip_bind(int failed, const Address& address) {
    const std::string port = std::to_string(address.port);
    switch (failed) {
    case EADDRINUSE:
        return std::string("find its owner with: ss ") +
               (address.type == SocketType::datagram ? "-lunp" : "-ltnp") + " 'sport = :" + port +
               "'";
    case EACCES:
        return address.port != 0 && address.port < first_unprivileged_port()
                   ? "ports this low need CAP_NET_BIND_SERVICE (in a unit: "
                     "AmbientCapabilities=CAP_NET_BIND_SERVICE) or "
                     "sysctl net.ipv4.ip_unprivileged_port_start=" +
                         port
                   : "";
    case EADDRNOTAVAIL:
        return address.host + " is no address of this machine (see: ip address); if it comes "
                              "later, a [[listener]] can have free_bind = true";
    case EINVAL:
        return address.family == AddressFamily::ipv6 ? "a link-local address needs bind_to_device"
                                                     : "";
    }
    return "";
}

Error bind_error(int failed, const Address& address) {
    return system_error("cannot bind " + format_address(address), failed,
                        remedy_of_ip_bind(failed, address));
}

int domain_of(const Address& address) {
    switch (address.family) {
    case AddressFamily::ipv4:
        return AF_INET;
    case AddressFamily::ipv6:
        return AF_INET6;
    case AddressFamily::unix_path:
    case AddressFamily::unix_abstract:
        return AF_UNIX;
    case AddressFamily::systemd:
        break;
    }
    return AF_UNSPEC;
}

Result<UniqueFd> make_socket(const Address& address, const ListenerOptions& options) {
    const int flags = SOCK_CLOEXEC | (options.nonblock ? SOCK_NONBLOCK : 0);
    UniqueFd fd(::socket(domain_of(address), socket_type_number(address.type) | flags, 0));
    if (!fd) {
        const int failed = errno;
        return system_error("cannot make a socket for " + format_address(address), failed,
                            failed == EMFILE         ? "raise the limit of open files (in a unit: "
                                                       "LimitNOFILE=)"
                            : failed == EAFNOSUPPORT ? "the kernel has this address family disabled"
                                                     : "");
    }
    if (auto set = set_creation_options(fd.get(), address, options); !set)
        return set.error();
    return fd;
}

/// Binds to a port that the kernel picks, and binds it fast.
///
/// A socket bound to port 0 itself would lose its port to the first shutdown(2) by a worker: the
/// kernel then frees any port that was not asked for by number (SOCK_BINDPORT_LOCK in
/// tcp_set_state(), net/ipv4/tcp.c), and listen(2) picks another one, while getsockname(2) went on
/// showing the old. So one socket finds the port, and the real one asks for it by number while the
/// first still keeps others away.
Result<void> bind_picked_port(int fd, const Address& address, const ListenerOptions& options,
                              const SocketAddress& wished) {
    const auto finder = make_socket(address, options);
    if (!finder)
        return finder.error();
    const auto reuse = [&](int socket, int value) {
        return set_option(socket, SOL_SOCKET, SO_REUSEADDR, value, "SO_REUSEADDR", address);
    };
    // Without SO_REUSEADDR while the port is looked for: a port that others share does not do.
    if (auto set = reuse(finder->get(), 0); !set)
        return set;
    if (::bind(finder->get(), wished.get(), wished.length) != 0)
        return bind_error(errno, address);
    SocketAddress picked;
    if (::getsockname(finder->get(), picked.get(), &picked.length) != 0)
        return svc::system_error("cannot read the port of " + format_address(address), errno);

    if (auto set = reuse(finder->get(), 1); !set)
        return set;
    if (auto set = reuse(fd, 1); !set)
        return set;
    if (::bind(fd, picked.get(), picked.length) != 0)
        return bind_error(errno, address);
    if (address.type == SocketType::datagram)
        return reuse(fd, 0); // see set_creation_options()
    return {};
}

Result<void> bind_ip(int fd, const Address& address, const ListenerOptions& options,
                     const SocketAddress& to) {
    if (address.port == 0)
        return bind_picked_port(fd, address, options, to);
    if (::bind(fd, to.get(), to.length) != 0)
        return bind_error(errno, address);
    return {};
}

Result<void> bind_path(int fd, const Address& address, const ListenerOptions& options) {
    const std::string shown = format_address(address);
    PathAccess access{.mode = options.mode.value_or(0666)};
    if (!options.owner.empty()) {
        const auto user = find_user(options.owner);
        if (!user)
            return with_remedy(user.error(), "it was to own " + shown);
        access.owner = user->uid;
    }
    if (!options.group.empty()) {
        const auto group = find_group(options.group);
        if (!group)
            return with_remedy(group.error(), "it was to own " + shown);
        access.group = *group;
    }
    if (auto removed = remove_stale_socket(address.host, socket_type_number(address.type), shown);
        !removed)
        return removed;
    return bind_unix_path(fd, address.host, access, shown);
}

Result<void> bind_abstract(int fd, const Address& address, const SocketAddress& to) {
    if (::bind(fd, to.get(), to.length) == 0)
        return {};
    const int failed = errno;
    return system_error("cannot bind " + format_address(address), failed,
                        failed == EADDRINUSE ? "find its owner with: ss -lxp src @" + address.host
                                             : "");
}

Result<void> bind_listener(int fd, const Address& address, const ListenerOptions& options) {
    const auto to = to_socket_address(address, options.bind_to_device);
    if (!to)
        return to.error();
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6:
        return bind_ip(fd, address, options, *to);
    case AddressFamily::unix_path:
        return bind_path(fd, address, options);
    case AddressFamily::unix_abstract:
        return bind_abstract(fd, address, *to);
    case AddressFamily::systemd:
        break;
    }
    fatal("a systemd socket to bind");
}

Result<void> listen_on(int fd, const Address& address, const ListenerOptions& options) {
    const std::uint32_t backlog = options.backlog.value_or(default_backlog);
    if (::listen(fd, backlog > INT_MAX ? INT_MAX : static_cast<int>(backlog)) == 0)
        return {};
    const int failed = errno;
    const bool ip = address.family == AddressFamily::ipv4 || address.family == AddressFamily::ipv6;
    // EADDRINUSE also comes from here: two sockets with SO_REUSEADDR may both bind a port, but only
    // one may listen (listen(2)).
    return system_error("cannot listen on " + format_address(address), failed,
                        ip ? remedy_of_ip_bind(failed, address) : "");
}

/// Every listen(2) also puts the caller's credentials into what a unix client reads with SO_PEERCRED
/// (unix(7)), so none is made that changes nothing else.
bool has_to_listen(int fd, SocketKind kind, const Address& address,
                   const ListenerOptions& options) {
    const auto seen = backlog_of(fd, address);
    if (address.family != AddressFamily::systemd || options.backlog)
        return seen != options.backlog.value_or(default_backlog);
    return kind == SocketKind::tcp && !seen; // shut down by a worker: it has to be revived
}

} // namespace

Result<UniqueFd> open_listener(const Address& address, const ListenerOptions& options) {
    if (address.family == AddressFamily::systemd)
        return Error{"cannot open " + format_address(address) +
                         ": systemd did not pass it; start the supervisor through the .socket unit "
                         "with that FileDescriptorName=",
                     EINVAL};
    if (auto suit = check_options_suit(address, options); !suit)
        return suit.error();
    auto fd = make_socket(address, options);
    if (!fd)
        return fd;
    const auto kind = kind_of_socket(fd->get(), address);
    if (!kind)
        return kind.error();
    // Before listen(2): the receive buffer decides the window scale of every connection (tcp(7)).
    if (auto set = set_live_options(fd->get(), *kind, address, options); !set)
        return set.error();
    if (auto bound = bind_listener(fd->get(), address, options); !bound)
        return bound.error();
    if (accepts_connections(*kind)) {
        if (auto listening = listen_on(fd->get(), address, options); !listening) {
            if (address.family == AddressFamily::unix_path)
                ::unlink(address.host.c_str());
            return listening.error();
        }
    }
    return fd;
}

Result<void> apply_live_options(int fd, const Address& address, const ListenerOptions& options) {
    const auto kind = kind_of_socket(fd, address);
    if (!kind)
        return kind.error();
    auto set = set_live_options(fd, *kind, address, options);
    if (accepts_connections(*kind) && has_to_listen(fd, *kind, address, options)) {
        if (auto listening = listen_on(fd, address, options); !listening)
            return listening;
    }
    return set;
}

void stop_listening(int fd) {
    [[maybe_unused]] const int done = ::shutdown(fd, SHUT_RDWR);
}

Result<Address> bound_address(int fd) {
    SocketAddress bound;
    int type = 0;
    socklen_t type_length = sizeof(type);
    if (::getsockname(fd, bound.get(), &bound.length) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0)
        return svc::system_error("cannot read the address of a socket", errno);
    switch (type) {
    case SOCK_STREAM:
        return from_socket_address(bound, SocketType::stream);
    case SOCK_DGRAM:
        return from_socket_address(bound, SocketType::datagram);
    case SOCK_SEQPACKET:
        return from_socket_address(bound, SocketType::seqpacket);
    }
    return Error{"the socket is of type " + std::to_string(type) +
                     "; only stream, datagram and seqpacket sockets are understood",
                 ESOCKTNOSUPPORT};
}

} // namespace svc::os
