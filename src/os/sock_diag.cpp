#include "os/sock_diag.h"

#include "base/unique_fd.h"
#include "os/socket_address.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

namespace svc::os {

namespace {

struct Request {
    nlmsghdr header{};
    unix_diag_req query{};
};

/// A structure at `offset` of a message from the kernel, copied for alignment's sake.
template <class T>
std::optional<T> at(std::span<const std::byte> message, std::size_t offset) {
    if (offset > message.size() || message.size() - offset < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, message.data() + offset, sizeof(T));
    return value;
}

constexpr std::size_t aligned(std::size_t length) {
    return (length + 3) & ~std::size_t{3};
}

std::optional<UnixListenerState> parse_answer(std::span<const std::byte> message) {
    const auto about = at<unix_diag_msg>(message, sizeof(nlmsghdr));
    if (!about || about->udiag_state != TCP_LISTEN)
        return std::nullopt;
    UnixListenerState state;
    bool has_backlog = false;
    std::size_t offset = sizeof(nlmsghdr) + aligned(sizeof(unix_diag_msg));
    while (const auto attribute = at<rtattr>(message, offset)) {
        if (attribute->rta_len < sizeof(rtattr))
            break;
        const std::size_t content = offset + sizeof(rtattr);
        if (attribute->rta_type == UNIX_DIAG_RQLEN) {
            if (const auto lengths = at<unix_diag_rqlen>(message, content)) {
                state.queue = lengths->udiag_rqueue;
                state.backlog = lengths->udiag_wqueue;
                has_backlog = true;
            }
        } else if (attribute->rta_type == UNIX_DIAG_SHUTDOWN) {
            constexpr std::uint8_t receive_shutdown = 1; // RCV_SHUTDOWN, include/net/sock.h
            state.receive_shut_down =
                (at<std::uint8_t>(message, content).value_or(0) & receive_shutdown) != 0;
        }
        offset += aligned(attribute->rta_len);
    }
    return has_backlog ? std::optional(state) : std::nullopt;
}

bool ask(int netlink, std::uint32_t inode, std::uint32_t sequence) {
    Request request;
    request.header = {.nlmsg_len = sizeof(Request),
                      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                      .nlmsg_flags = NLM_F_REQUEST,
                      .nlmsg_seq = sequence};
    request.query.sdiag_family = AF_UNIX;
    request.query.udiag_states = ~0U;
    request.query.udiag_ino = inode;
    request.query.udiag_show = UDIAG_SHOW_RQLEN;
    // INET_DIAG_NOCOOKIE: the inode number alone names the socket. We hold it open, so the number
    // cannot be another's.
    request.query.udiag_cookie[0] = ~0U;
    request.query.udiag_cookie[1] = ~0U;
    return ::send(netlink, &request, sizeof(request), MSG_DONTWAIT) ==
           static_cast<ssize_t>(sizeof(request));
}

} // namespace

std::optional<UnixListenerState> unix_listener_state(int fd) {
    static thread_local UniqueFd netlink;
    static thread_local std::uint32_t sequence = 0;
    struct stat found {};
    if (::fstat(fd, &found) != 0)
        return std::nullopt;
    if (!netlink)
        netlink.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!netlink || !ask(netlink.get(), static_cast<std::uint32_t>(found.st_ino), ++sequence))
        return std::nullopt;
    // The kernel answers within send(2), so there is nothing to wait for. An answer left over from
    // an earlier question that went wrong has another sequence number.
    alignas(nlmsghdr) std::array<std::byte, 1024> buffer;
    for (;;) {
        const ssize_t count = ::recv(netlink.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return std::nullopt;
        const std::span message(buffer.data(), static_cast<std::size_t>(count));
        const auto header = at<nlmsghdr>(message, 0);
        if (!header || header->nlmsg_seq != sequence)
            continue;
        if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY) // NLMSG_ERROR
            return std::nullopt;
        return parse_answer(message);
    }
}

namespace {

template <class Query>
struct Dump {
    nlmsghdr header{};
    Query query{};
};

constexpr std::uint32_t connected_states =
    ~((1U << TCP_LISTEN) | (1U << TCP_CLOSE) | (1U << TCP_TIME_WAIT) | (1U << TCP_SYN_RECV) |
      (1U << TCP_SYN_SENT));

/// Calls `with` for each message of the answer. False: there is no whole answer.
bool read_dump(int netlink, const std::function<void(std::span<const std::byte>)>& with) {
    // A message of a dump is no longer than 32 KiB, or than the reader's buffer (netlink_dump()).
    alignas(nlmsghdr) static thread_local std::array<std::byte, 64 * 1024> buffer;
    for (;;) {
        const ssize_t count = ::recv(netlink, buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(count));
        while (const auto header = at<nlmsghdr>(rest, 0)) {
            if (header->nlmsg_type == NLMSG_DONE)
                return true;
            if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < sizeof(nlmsghdr) ||
                header->nlmsg_len > rest.size())
                return false; // NLMSG_ERROR: no such module
            with(rest.first(header->nlmsg_len));
            rest = rest.subspan(std::min(rest.size(), aligned(header->nlmsg_len)));
        }
    }
}

template <class Query>
bool dump(const Query& query, const std::function<void(std::span<const std::byte>)>& with) {
    const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    const timeval patience{.tv_sec = 2, .tv_usec = 0};
    if (!netlink ||
        ::setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
        return false;
    Dump<Query> request;
    request.header = {.nlmsg_len = sizeof(request),
                      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                      .nlmsg_seq = 1};
    request.query = query;
    return ::send(netlink.get(), &request, sizeof(request), 0) ==
               static_cast<ssize_t>(sizeof(request)) &&
           read_dump(netlink.get(), with);
}

/// An IP address and a port, as the kernel has them.
struct Place {
    std::array<std::uint8_t, 16> host{}; ///< of IPv4: the first four
    std::uint16_t port = 0;              ///< in network order
    bool wildcard = false;

    [[nodiscard]] bool has(const inet_diag_sockid& id) const {
        static_assert(sizeof(id.idiag_src) == sizeof(host));
        // Of IPv4 the kernel leaves the other twelve bytes 0 (inet_diag_msg_common_fill()).
        return port == id.idiag_sport &&
               (wildcard || std::memcmp(host.data(), id.idiag_src, host.size()) == 0);
    }
};

std::optional<Place> place_of(const Address& address) {
    const auto found = to_socket_address(address, "");
    if (!found)
        return std::nullopt;
    Place place;
    if (address.family == AddressFamily::ipv4) {
        sockaddr_in specific{};
        std::memcpy(&specific, &found->storage, sizeof(specific));
        std::memcpy(place.host.data(), &specific.sin_addr, sizeof(specific.sin_addr));
        place.port = specific.sin_port;
    } else {
        sockaddr_in6 specific{};
        std::memcpy(&specific, &found->storage, sizeof(specific));
        std::memcpy(place.host.data(), &specific.sin6_addr, sizeof(specific.sin6_addr));
        place.port = specific.sin6_port;
    }
    place.wildcard = place.host == std::array<std::uint8_t, 16>{};
    return place;
}

bool add_tcp(std::uint8_t family, const std::vector<Place>& places, SocketInodes& found) {
    if (places.empty())
        return true;
    inet_diag_req_v2 query{};
    query.sdiag_family = family;
    query.sdiag_protocol = IPPROTO_TCP;
    query.idiag_states = connected_states;
    const std::uint16_t port = places.front().port;
    if (std::all_of(places.begin(), places.end(),
                    [port](const Place& place) { return place.port == port; }))
        query.id.idiag_sport = port; // in a dump this alone of the id is a filter
    return dump(query, [&](std::span<const std::byte> message) {
        const auto about = at<inet_diag_msg>(message, sizeof(nlmsghdr));
        if (about && about->idiag_inode != 0 &&
            std::any_of(places.begin(), places.end(),
                        [&](const Place& place) { return place.has(about->id); }))
            found.insert(about->idiag_inode);
    });
}

/// The name of a unix socket as UNIX_DIAG_NAME has it: an abstract one begins with a 0, a path has none at its
/// end.
std::string unix_name_in(std::span<const std::byte> message) {
    std::size_t offset = sizeof(nlmsghdr) + aligned(sizeof(unix_diag_msg));
    while (const auto attribute = at<rtattr>(message, offset)) {
        if (attribute->rta_len < sizeof(rtattr) || attribute->rta_len > message.size() - offset)
            break;
        if (attribute->rta_type == UNIX_DIAG_NAME) {
            std::string name(attribute->rta_len - sizeof(rtattr), '\0');
            std::memcpy(name.data(), message.data() + offset + sizeof(rtattr), name.size());
            while (name.size() > 1 && name.front() != '\0' && name.back() == '\0')
                name.pop_back();
            return name;
        }
        offset += aligned(attribute->rta_len);
    }
    return {};
}

bool add_unix(const std::vector<std::string>& names, SocketInodes& found) {
    if (names.empty())
        return true;
    unix_diag_req query{};
    query.sdiag_family = AF_UNIX;
    query.udiag_states = connected_states;
    query.udiag_show = UDIAG_SHOW_NAME;
    return dump(query, [&](std::span<const std::byte> message) {
        const auto about = at<unix_diag_msg>(message, sizeof(nlmsghdr));
        if (about && about->udiag_ino != 0 && about->udiag_type != SOCK_DGRAM &&
            std::find(names.begin(), names.end(), unix_name_in(message)) != names.end())
            found.insert(about->udiag_ino);
    });
}

} // namespace

bool is_in_own_network(int fd) {
    const auto cookie_of = [](int socket) {
        std::uint64_t cookie = 0;
        socklen_t length = sizeof(cookie);
        if (::getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0)
            return std::uint64_t{0};
        return cookie;
    };
    const std::uint64_t theirs = cookie_of(fd);
    const UniqueFd ours(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return theirs == 0 || !ours || theirs == cookie_of(ours.get());
}

std::optional<SocketInodes> connections_at(const std::vector<Address>& addresses) {
    std::vector<Place> ipv4;
    std::vector<Place> ipv6;
    std::vector<std::string> names;
    for (const Address& address : addresses) {
        if (address.type == SocketType::datagram)
            continue;
        switch (address.family) {
        case AddressFamily::ipv4:
        case AddressFamily::ipv6:
            if (const auto place = place_of(address))
                (address.family == AddressFamily::ipv4 ? ipv4 : ipv6).push_back(*place);
            else
                return std::nullopt;
            break;
        case AddressFamily::unix_path:
            names.push_back(address.host);
            break;
        case AddressFamily::unix_abstract:
            names.push_back(std::string(1, '\0') + address.host);
            break;
        case AddressFamily::systemd:
            return std::nullopt;
        }
    }
    SocketInodes found;
    if (!add_tcp(AF_INET, ipv4, found) || !add_tcp(AF_INET6, ipv6, found) ||
        !add_unix(names, found))
        return std::nullopt;
    return found;
}

} // namespace svc::os
