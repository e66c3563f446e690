#include "svcd/host/output/error_sink.h"

#include "os/epoll.h"

#include <algorithm>
#include <cerrno>

namespace svc::daemon {

ErrorSink::ErrorSink(boost::asio::io_context& io, int fd)
    : io_(io), output_(fd), serve_soon_(io, [this] { serve(); }) {}

ErrorSink::~ErrorSink() = default;

std::size_t ErrorSink::write(const void* who, std::string_view bytes) {
    if (dead_)
        return bytes.size();
    if (!waiting_.empty() && who != served_)
        return 0;
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const long count = output_.write_some(bytes.substr(taken));
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
        auto epoll = os::make_epoll();
        if (!epoll || !os::epoll_add(epoll->get(), output_.fd(), os::EpollFor::room, 0)) {
            dead_ = true;
            return;
        }
        auto watch = Watch::make(io_, std::move(*epoll));
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
