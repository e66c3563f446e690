#include "os/listener_load.h"

#include "os/sock_diag.h"

#include <array>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace svc::os {

namespace {

std::optional<std::uint64_t> drops_of(int fd) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> numbers{};
    socklen_t length = sizeof(numbers);
    if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers.data(), &length) != 0 ||
        length < (SK_MEMINFO_DROPS + 1) * sizeof(numbers[0]))
        return std::nullopt;
    return numbers[SK_MEMINFO_DROPS];
}

std::optional<std::uint64_t> tcp_queue_of(int fd) {
    tcp_info info{};
    socklen_t length = sizeof(info);
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
        info.tcpi_state != TCP_LISTEN)
        return std::nullopt;
    return info.tcpi_unacked; // of one that listens: sk_ack_backlog (tcp_get_info())
}

} // namespace

ListenerLoad listener_load(int fd, const Address& address) {
    const bool is_unix = address.family == AddressFamily::unix_path ||
                         address.family == AddressFamily::unix_abstract;
    ListenerLoad load;
    if (!is_unix)
        load.drops = drops_of(fd);
    if (address.type == SocketType::datagram)
        return load;
    if (!is_unix) {
        load.queue = tcp_queue_of(fd);
    } else if (const auto state = unix_listener_state(fd)) {
        load.queue = state->queue;
    }
    return load;
}

} // namespace svc::os
