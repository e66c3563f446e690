#include "os/fd_passing.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/socket.h>

namespace svc::os {

namespace {

constexpr std::size_t fds_at_once = 253; // SCM_MAX_FD in <net/scm.h>: unix(7) names the number only

/// Room for one SCM_RIGHTS message of the largest size, aligned as CMSG_DATA(3) wants it.
struct ControlBuffer {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(fds_at_once * sizeof(int))> bytes;
};

void attach(msghdr& message, ControlBuffer& control, std::span<const int> fds) {
    // CMSG_SPACE may hold padding that the kernel copies: nothing of our stack leaves with it.
    control.bytes.fill(0);
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
}

Error send_error(int error, std::size_t fds) {
    std::string what = "cannot send over a unix socket";
    if (fds != 0)
        what = "cannot send " + std::to_string(fds) + " fds over a unix socket";
    // Fds in flight are counted against RLIMIT_NOFILE of the user (unix(7), ERRORS).
    if (error == ETOOMANYREFS)
        what +=
            " (more fds are on their way than the limit on open files allows; raise LimitNOFILE)";
    return system_error(std::move(what), error);
}

void take_fds(msghdr& message, std::vector<UniqueFd>& fds) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t index = 0; index < count; ++index) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + index * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
}

} // namespace

Result<std::size_t> send_with_fds(int socket, std::string_view bytes, std::span<const int> fds) {
    if (bytes.empty())
        fatal("send_with_fds() without a byte: fds cannot travel alone on a stream socket");
    if (fds.size() > fds_at_once)
        fatal("send_with_fds() with more than 253 fds");

    iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    ControlBuffer control;
    if (!fds.empty())
        attach(message, control, fds);

    for (;;) {
        const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return static_cast<std::size_t>(sent);
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return std::size_t{0};
        if (errno != EINTR)
            return send_error(errno, fds.size());
    }
}

Result<Received> receive_with_fds(int socket, std::span<std::byte> buffer) {
    iovec vector{buffer.data(), buffer.size()};
    ControlBuffer control;
    for (;;) {
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
        const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return system_error("cannot receive from a unix socket", errno);
        }
        Received received;
        received.bytes = static_cast<std::size_t>(count);
        take_fds(message, received.fds);
        // Set too when there were fds that the limit on open files left no number for.
        received.fds_lost = (message.msg_flags & MSG_CTRUNC) != 0;
        return received;
    }
}

} // namespace svc::os
