#include "os/sock_diag.h"

#include "base/unique_fd.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>

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

} // namespace svc::os
