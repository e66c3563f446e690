#include "os/error_output.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

ErrorOutput::ErrorOutput(int fd) : fd_(fd) {
    // A pipe without a reader must be an EPIPE, not the end of the supervisor.
    std::signal(SIGPIPE, SIG_IGN);
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        fd_ = -1; // started without a stderr: the number will be another file's
    else if (S_ISSOCK(status.st_mode))
        kind_ = Kind::socket;
    else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
        open_again(fd);
}

void ErrorOutput::open_again(int fd) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own_)
        fd_ = own_.get();
    else
        kind_ = Kind::polled;
}

long ErrorOutput::write_some(std::string_view bytes) const {
    switch (kind_) {
    case Kind::socket:
        return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::polled: {
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, 0) <= 0) {
            errno = EAGAIN;
            return -1;
        }
        return ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    }
    case Kind::plain:
        return ::write(fd_, bytes.data(), bytes.size());
    }
    return -1;
}

} // namespace svc::os
