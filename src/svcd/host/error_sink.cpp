#include "svcd/host/error_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::daemon {

ErrorSink::ErrorSink(boost::asio::io_context& io, int fd)
    : io_(io), fd_(fd), serve_soon_(io, [this] { serve(); }) {
    // A pipe without a reader must be an EPIPE, not the end of the supervisor.
    std::signal(SIGPIPE, SIG_IGN);
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        dead_ = true; // started without a stderr
    else if (S_ISSOCK(status.st_mode))
        kind_ = Kind::socket;
    else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
        open_again(fd);
}

ErrorSink::~ErrorSink() = default;

void ErrorSink::open_again(int fd) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own_)
        fd_ = own_.get();
    else
        kind_ = Kind::polled;
}

long ErrorSink::write_some(std::string_view bytes) const {
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

std::size_t ErrorSink::write(const void* who, std::string_view bytes) {
    if (dead_)
        return bytes.size();
    if (!waiting_.empty() && who != served_)
        return 0;
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const long count = write_some(bytes.substr(taken));
        if (count >= 0) {
            taken += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR) {
            // A full disk is an error of the moment; a vanished reader is one for ever. Both cost
            // what could not be written: to keep it would stop the worker that wrote it.
            dead_ = errno == EPIPE || errno == ECONNRESET || errno == EBADF || errno == ENXIO;
            return bytes.size();
        }
    }
    return taken;
}

void ErrorSink::wait(const void* who, std::function<void()> then) {
    const auto same = [who](const auto& entry) { return entry.first == who; };
    if (std::any_of(waiting_.begin(), waiting_.end(), same))
        return;
    if (who == served_)
        waiting_.emplace_front(who, std::move(then)); // its turn is not over
    else
        waiting_.emplace_back(who, std::move(then));
    arm();
    if (dead_)
        serve_soon_.wake(); // nothing will say that there is room, and there always is
}

void ErrorSink::forget(const void* who) {
    std::erase_if(waiting_, [who](const auto& entry) { return entry.first == who; });
}

void ErrorSink::arm() {
    if (!writable_) {
        UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
        epoll_event event{};
        event.events = EPOLLOUT;
        if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd_, &event) != 0) {
            dead_ = true;
            return;
        }
        auto watch = Watch::make(io_, std::move(epoll));
        if (!watch) {
            dead_ = true;
            return;
        }
        writable_.emplace(std::move(*watch));
    }
    writable_->when_readable([this] { serve(); });
}

void ErrorSink::serve() {
    // Level-triggered inside, so it must be dropped once nobody waits: a writable stderr is the
    // usual case, and no reason to wake up.
    while (!waiting_.empty()) {
        const std::size_t before = waiting_.size();
        auto [who, then] = std::move(waiting_.front());
        waiting_.pop_front();
        served_ = who;
        then();
        served_ = nullptr;
        if (waiting_.size() >= before && !dead_) // it asked again: still full
            return;
    }
    writable_.reset();
}

} // namespace svc::daemon
