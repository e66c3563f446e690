#include "os/socket_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace svc::os {

namespace {

// The family-specific structures are copied in and out: a sockaddr_storage may not be read as
// another type in C++.
template <class Specific>
SocketAddress wrap(const Specific& specific, std::size_t length) {
    SocketAddress wrapped;
    std::memcpy(&wrapped.storage, &specific, sizeof(specific));
    wrapped.length = static_cast<socklen_t>(length);
    return wrapped;
}

template <class Specific>
Specific unwrap(const SocketAddress& wrapped) {
    Specific specific{};
    std::memcpy(&specific, &wrapped.storage, sizeof(specific));
    return specific;
}

Error not_a_literal(const Address& address) {
    return Error{"\"" + address.host + "\" is not a literal address", EINVAL};
}

Result<SocketAddress> to_ipv4(const Address& address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    if (::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr) != 1)
        return not_a_literal(address);
    return wrap(to, sizeof(to));
}

Result<SocketAddress> to_ipv6(const Address& address, const std::string& device) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(address.port);
    if (::inet_pton(AF_INET6, address.host.c_str(), &to.sin6_addr) != 1)
        return not_a_literal(address);
    // The same link-local address exists on every interface; bind(2) gives EINVAL without a scope
    // (ipv6(7)).
    if (IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr) && !device.empty())
        to.sin6_scope_id = ::if_nametoindex(device.c_str());
    return wrap(to, sizeof(to));
}

Result<SocketAddress> to_unix(const Address& address) {
    const bool abstract = address.family == AddressFamily::unix_abstract;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    // One byte ends a path and begins an abstract name (unix(7), Address format).
    if (address.host.empty() || address.host.size() > sizeof(to.sun_path) - 1)
        return Error{"cannot use " + format_address(address) + ": the name has " +
                         std::to_string(address.host.size()) +
                         " bytes, and a unix socket's has 1 to " +
                         std::to_string(sizeof(to.sun_path) - 1) + "; choose a shorter one",
                     ENAMETOOLONG};
    std::memcpy(to.sun_path + (abstract ? 1 : 0), address.host.data(), address.host.size());
    // Every byte of an abstract name counts, so its length has to be exact; a path has its NUL in
    // the length.
    return wrap(to, offsetof(sockaddr_un, sun_path) + 1 + address.host.size());
}

std::string text_of(int family, const void* binary) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(family, binary, text.data(), text.size()) == nullptr ? "" : text.data();
}

Result<Address> from_unix(const SocketAddress& from, SocketType type) {
    const auto specific = unwrap<sockaddr_un>(from);
    constexpr std::size_t path_at = offsetof(sockaddr_un, sun_path);
    if (from.length <= path_at)
        return Error{"the unix socket is not bound to any address", EINVAL};
    const std::size_t length = std::min<std::size_t>(from.length, sizeof(specific)) - path_at;
    Address address;
    address.type = type;
    if (specific.sun_path[0] == '\0') {
        address.family = AddressFamily::unix_abstract;
        address.host.assign(specific.sun_path + 1, length - 1);
    } else {
        address.family = AddressFamily::unix_path;
        address.host.assign(specific.sun_path, ::strnlen(specific.sun_path, length));
    }
    return address;
}

} // namespace

Result<SocketAddress> to_socket_address(const Address& address, const std::string& device) {
    switch (address.family) {
    case AddressFamily::ipv4:
        return to_ipv4(address);
    case AddressFamily::ipv6:
        return to_ipv6(address, device);
    case AddressFamily::unix_path:
    case AddressFamily::unix_abstract:
        return to_unix(address);
    case AddressFamily::systemd:
        break;
    }
    return Error{"cannot bind " + format_address(address) +
                     ": it is handed in by systemd; start the supervisor through the .socket unit",
                 EINVAL};
}

Result<Address> from_socket_address(const SocketAddress& socket_address, SocketType type) {
    Address address;
    address.type = type;
    switch (socket_address.storage.ss_family) {
    case AF_INET: {
        const auto from = unwrap<sockaddr_in>(socket_address);
        address.family = AddressFamily::ipv4;
        address.host = text_of(AF_INET, &from.sin_addr);
        address.port = ntohs(from.sin_port);
        return address;
    }
    case AF_INET6: {
        const auto from = unwrap<sockaddr_in6>(socket_address);
        address.family = AddressFamily::ipv6;
        address.host = text_of(AF_INET6, &from.sin6_addr);
        address.port = ntohs(from.sin6_port);
        return address;
    }
    case AF_UNIX:
        return from_unix(socket_address, type);
    }
    return Error{"the socket is of address family " +
                     std::to_string(socket_address.storage.ss_family) +
                     "; only IPv4, IPv6 and unix sockets are understood",
                 EAFNOSUPPORT};
}

int socket_type_number(SocketType type) {
    switch (type) {
    case SocketType::stream:
        return SOCK_STREAM;
    case SocketType::datagram:
        return SOCK_DGRAM;
    case SocketType::seqpacket:
        return SOCK_SEQPACKET;
    }
    fatal("a socket type that does not exist");
}

} // namespace svc::os
