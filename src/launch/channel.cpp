#include "launch/channel.h"

#include "os/fd_passing.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace svc::launch {

namespace {

constexpr int exit_nothing_started = 0;

/// Fills `buffer`. MSG_WAITALL still returns early when a signal or a fd comes in between
/// (recv(2)), so it only saves calls.
Result<void> receive_all(int socket, std::span<std::byte> buffer) {
    while (!buffer.empty()) {
        const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_WAITALL);
        if (count < 0 && errno == EINTR)
            continue;
        // The supervisor died with something of ours unread: as good as end-of-file.
        if (count == 0 || (count < 0 && errno == ECONNRESET))
            ::_exit(exit_nothing_started);
        if (count < 0)
            return system_error("cannot read the launch order", errno);
        buffer = buffer.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Error lost_fds(std::size_t got, std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return Error{"cannot take " + std::to_string(wanted) + " fds, only " + std::to_string(got) +
                     " found room: the supervisor's limit on open files is " +
                     std::to_string(limit.rlim_cur) + "; raise its LimitNOFILE",
                 EMFILE};
}

} // namespace

Result<wire::LaunchHeader> Channel::receive_header() const {
    std::array<std::byte, wire::launch_header_bytes> bytes{};
    if (auto received = receive_all(socket_.get(), bytes); !received)
        return received.error();
    return wire::decode_launch_header(bytes);
}

Result<wire::LaunchOrder> Channel::receive_order(const wire::LaunchHeader& header) const {
    std::vector<std::byte> payload(header.payload_bytes);
    if (auto received = receive_all(socket_.get(), payload); !received)
        return received.error();
    return wire::decode_launch_order(payload, header.fd_count);
}

Result<std::vector<UniqueFd>> Channel::receive_fds(std::size_t count) const {
    std::vector<UniqueFd> fds;
    fds.reserve(count);
    while (fds.size() < count) {
        std::array<std::byte, 1> mark{};
        auto received = os::receive_with_fds(socket_.get(), mark);
        if (!received && received.error().code != ECONNRESET)
            return received.error();
        if (!received || received->bytes == 0)
            ::_exit(exit_nothing_started);
        if (mark[0] != std::byte{wire::launch_fds})
            return Error{"launch order: something else came where fds were announced", EPROTO};
        for (UniqueFd& fd : received->fds)
            fds.push_back(std::move(fd));
        if (received->fds_lost)
            return lost_fds(fds.size(), count);
        if (received->fds.empty() || fds.size() > count)
            return Error{"launch order: other fds came than were announced", EPROTO};
    }
    return fds;
}

Result<void> Channel::wait_for_go() const {
    std::array<std::byte, 1> mark{};
    if (auto received = receive_all(socket_.get(), mark); !received)
        return received.error();
    if (mark[0] != std::byte{wire::launch_go})
        return Error{"launch order: something else came instead of GO", EPROTO};
    return {};
}

Result<void> Channel::move_above(int lowest) {
    const int moved = ::fcntl(socket_.get(), F_DUPFD_CLOEXEC, lowest);
    if (moved < 0)
        return system_error("cannot make room for the fds from 3 to " + std::to_string(lowest - 1) +
                                " (is the supervisor's LimitNOFILE too low?)",
                            errno);
    socket_.reset(moved);
    return {};
}

void Channel::send_failure(const wire::LaunchFailure& failure) const {
    const std::string frame = wire::encode_launch_failure(failure);
    std::string_view rest = frame;
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return;
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

} // namespace svc::launch
