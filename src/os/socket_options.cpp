#include "os/socket_options.h"

#include "os/remedy.h"

#include <cerrno>
#include <climits>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace svc::os {

namespace {

constexpr std::string_view needs_net_admin =
    "it needs CAP_NET_ADMIN (in a unit: CapabilityBoundingSet=, and AmbientCapabilities= for a "
    "user)";

Error unsuitable(const Address& address, std::string_view option, std::string_view suits) {
    return Error{"cannot set " + std::string(option) + " on " + format_address(address) +
                     ": it is only for " + std::string(suits) + "; leave it out",
                 EOPNOTSUPP};
}

/// Keeps the first of several failures.
void keep_first(Result<void>& kept, Result<void> next) {
    if (kept && !next)
        kept = std::move(next);
}

std::string remedy_of_option(int failed, int level, int name) {
    if (failed != EPERM)
        return "";
    // SO_MARK: CAP_NET_RAW is enough since Linux 5.17 (socket(7)); the same holds for
    // IP_TRANSPARENT.
    if ((level == SOL_SOCKET && name == SO_MARK) || name == IP_TRANSPARENT ||
        name == IPV6_TRANSPARENT)
        return "it needs CAP_NET_ADMIN or CAP_NET_RAW (in a unit: "
               "CapabilityBoundingSet=, and AmbientCapabilities= for a user)";
    return std::string(needs_net_admin);
}

std::optional<int> read_option(int fd, int name) {
    int value = 0;
    socklen_t length = sizeof(value);
    if (::getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0)
        return std::nullopt;
    return value;
}

struct BufferOption {
    int name;
    int force_name;
    const char* what;
    const char* cap; ///< the sysctl that limits it
};

/// The kernel doubles what it is given and cuts it silently at net.core.[rw]mem_max (socket(7));
/// SO_…BUFFORCE may exceed that.
Result<void> set_buffer(int fd, const BufferOption& option, std::uint32_t bytes,
                        const Address& address) {
    if (bytes > INT_MAX / 2)
        return Error{"cannot set " + std::string(option.what) + " on " + format_address(address) +
                         " to " + std::to_string(bytes) + " bytes: at most " +
                         std::to_string(INT_MAX / 2) + " are possible",
                     EINVAL};
    const int wished = static_cast<int>(bytes);
    if (auto set = set_option(fd, SOL_SOCKET, option.name, wished, option.what, address); !set)
        return set;
    if (read_option(fd, option.name).value_or(0) >= 2 * wished)
        return {};
    if (::setsockopt(fd, SOL_SOCKET, option.force_name, &wished, sizeof(wished)) == 0)
        return {};
    return system_error("cannot set " + std::string(option.what) + " on " +
                            format_address(address) + " to " + std::to_string(bytes) + " bytes",
                        errno,
                        "raise sysctl " + std::string(option.cap) + ", or give CAP_NET_ADMIN");
}

/// Written only if it differs: setting it needs a privilege, having it does not.
Result<void> set_mark(int fd, std::uint32_t mark, const Address& address) {
    if (read_option(fd, SO_MARK) == static_cast<int>(mark))
        return {};
    return set_option(fd, SOL_SOCKET, SO_MARK, static_cast<int>(mark), "mark", address);
}

Result<void> set_device(int fd, const Address& address, const ListenerOptions& options) {
    const std::string& device = options.bind_to_device;
    const std::string what =
        "cannot bind " + format_address(address) + " to the device \"" + device + "\"";
    if (device.size() >= IFNAMSIZ)
        return Error{what + ": an interface's name has at most " + std::to_string(IFNAMSIZ - 1) +
                         " bytes",
                     ENODEV};
    if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                     static_cast<socklen_t>(device.size() + 1)) == 0)
        return {};
    const int failed = errno;
    if (failed == ENODEV)
        return system_error(what, failed, "see the interfaces with: ip link");
    return system_error(what, failed,
                        failed == EPERM
                            ? "it needs CAP_NET_RAW (in a unit: "
                              "CapabilityBoundingSet=, and AmbientCapabilities= for a user)"
                            : "");
}

Result<void> set_tcp_options(int fd, const Address& address, const ListenerOptions& options) {
    Result<void> result;
    if (options.tcp_fastopen)
        keep_first(result,
                   set_option(fd, IPPROTO_TCP, TCP_FASTOPEN,
                              static_cast<int>(*options.tcp_fastopen), "tcp_fastopen", address));
    if (options.defer_accept)
        keep_first(result,
                   set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT,
                              static_cast<int>(*options.defer_accept), "defer_accept", address));
    if (options.keepalive)
        keep_first(result, set_option(fd, SOL_SOCKET, SO_KEEPALIVE, *options.keepalive ? 1 : 0,
                                      "keepalive", address));
    if (options.nodelay)
        keep_first(result, set_option(fd, IPPROTO_TCP, TCP_NODELAY, *options.nodelay ? 1 : 0,
                                      "nodelay", address));
    return result;
}

/// The TCP-only option that is asked for, or null.
const char* tcp_only_option(const ListenerOptions& options) {
    if (options.tcp_fastopen)
        return "tcp_fastopen";
    if (options.defer_accept)
        return "defer_accept";
    if (options.keepalive)
        return "keepalive";
    if (options.nodelay)
        return "nodelay";
    return nullptr;
}

/// The IP-only option that is asked for, or null.
const char* ip_only_option(const ListenerOptions& options) {
    if (options.reuse_port)
        return "reuse_port";
    if (options.free_bind)
        return "free_bind";
    if (options.transparent)
        return "transparent";
    if (!options.bind_to_device.empty())
        return "bind_to_device";
    if (options.mark)
        return "mark";
    return nullptr;
}

} // namespace

Result<void> set_option(int fd, int level, int name, int value, const std::string& what,
                        const Address& address) {
    if (::setsockopt(fd, level, name, &value, sizeof(value)) == 0)
        return {};
    const int failed = errno;
    return system_error("cannot set " + what + " on " + format_address(address), failed,
                        remedy_of_option(failed, level, name));
}

Result<void> check_options_suit(const Address& address, const ListenerOptions& options) {
    const bool ip = address.family == AddressFamily::ipv4 || address.family == AddressFamily::ipv6;
    if (options.v6only && address.family != AddressFamily::ipv6)
        return unsuitable(address, "v6only", "IPv6 addresses");
    if (const char* option = tcp_only_option(options);
        option != nullptr && !(ip && address.type == SocketType::stream))
        return unsuitable(address, option, "TCP");
    if (const char* option = ip_only_option(options); option != nullptr && !ip)
        return unsuitable(address, option, "IPv4 and IPv6 addresses");
    if ((options.mode || !options.owner.empty() || !options.group.empty()) &&
        address.family != AddressFamily::unix_path)
        return unsuitable(address, "mode, owner or group", "the paths of unix sockets");
    return {};
}

Result<void> set_creation_options(int fd, const Address& address, const ListenerOptions& options) {
    const bool ipv6 = address.family == AddressFamily::ipv6;
    const auto flag = [&](int level, int name, bool value, const char* what) {
        return set_option(fd, level, name, value ? 1 : 0, what, address);
    };
    if (address.family != AddressFamily::ipv4 && !ipv6)
        return {};
    // Always, so that connections of an earlier life in TIME_WAIT do not keep the port (tcp(7)).
    // For UDP it would mean something else: that another process may take the port (socket(7)).
    if (address.type == SocketType::stream) {
        if (auto set = flag(SOL_SOCKET, SO_REUSEADDR, true, "SO_REUSEADDR"); !set)
            return set;
    }
    // Set either way: the default is a sysctl (net.ipv6.bindv6only) and differs between machines.
    if (ipv6) {
        const bool v6only = options.v6only.value_or(true);
        if (auto set = flag(IPPROTO_IPV6, IPV6_V6ONLY, v6only, "v6only"); !set)
            return set;
    }
    if (options.reuse_port) {
        if (auto set = flag(SOL_SOCKET, SO_REUSEPORT, true, "reuse_port"); !set)
            return set;
    }
    if (options.free_bind) {
        if (auto set = ipv6 ? flag(IPPROTO_IPV6, IPV6_FREEBIND, true, "free_bind")
                            : flag(IPPROTO_IP, IP_FREEBIND, true, "free_bind");
            !set)
            return set;
    }
    if (options.transparent) {
        if (auto set = ipv6 ? flag(IPPROTO_IPV6, IPV6_TRANSPARENT, true, "transparent")
                            : flag(IPPROTO_IP, IP_TRANSPARENT, true, "transparent");
            !set)
            return set;
    }
    return options.bind_to_device.empty() ? Result<void>() : set_device(fd, address, options);
}

Result<void> set_live_options(int fd, SocketKind kind, const Address& address,
                              const ListenerOptions& options) {
    Result<void> result;
    if (kind == SocketKind::tcp)
        result = set_tcp_options(fd, address, options);
    else if (const char* option = tcp_only_option(options))
        result = unsuitable(address, option, "TCP");

    if (options.receive_buffer)
        keep_first(result, set_buffer(fd,
                                      {.name = SO_RCVBUF,
                                       .force_name = SO_RCVBUFFORCE,
                                       .what = "receive_buffer",
                                       .cap = "net.core.rmem_max"},
                                      *options.receive_buffer, address));
    if (options.send_buffer)
        keep_first(result, set_buffer(fd,
                                      {.name = SO_SNDBUF,
                                       .force_name = SO_SNDBUFFORCE,
                                       .what = "send_buffer",
                                       .cap = "net.core.wmem_max"},
                                      *options.send_buffer, address));
    if (options.mark)
        keep_first(result, set_mark(fd, *options.mark, address));
    return result;
}

} // namespace svc::os
