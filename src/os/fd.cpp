#include "os/fd.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace svc::os {

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("cannot make a pipe", errno);
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<Pipe> make_socket_pair() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_error("cannot make a socket pair", errno);
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> duplicate(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
        return system_error("cannot copy a fd", errno);
    return copy;
}

namespace {

template <class Read>
Result<std::optional<std::size_t>> read_with(Read read) {
    for (;;) {
        const ssize_t count = read();
        if (count >= 0)
            return std::optional(static_cast<std::size_t>(count));
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return std::optional<std::size_t>();
        if (errno != EINTR)
            return system_error("cannot read", errno);
    }
}

} // namespace

Result<std::optional<std::size_t>> read_some(int fd, std::span<char> buffer) {
    return read_with([&] { return ::read(fd, buffer.data(), buffer.size()); });
}

Result<std::optional<std::size_t>> peek_some(int socket, std::span<char> buffer) {
    return read_with([&] { return ::recv(socket, buffer.data(), buffer.size(), MSG_PEEK); });
}

void wait_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
    }
}

} // namespace svc::os
