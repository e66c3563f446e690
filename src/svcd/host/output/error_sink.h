// ErrorSink: our own stderr, where the workers' lines go, written without ever blocking.
#pragma once

#include "os/error_output.h"
#include "svcd/host/children/loop.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace svc::daemon {

/// Those who found it full are served in the order in which they came, each until it wants nothing
/// more, so that a line which was taken in part is finished before another worker's begins.
class ErrorSink {
public:
    ErrorSink(boost::asio::io_context& io, int fd);
    ErrorSink(const ErrorSink&) = delete;
    ErrorSink& operator=(const ErrorSink&) = delete;
    ~ErrorSink();

    /// How many bytes were taken. Fewer than given: it is full now, or others wait before `who`; call
    /// wait(). Once nobody reads it any more (EPIPE) everything is taken, and lost.
    std::size_t write(const void* who, std::string_view bytes);
    /// Calls `then` once when there may be room.
    void wait(const void* who, std::function<void()> then);
    void forget(const void* who);

private:
    void arm();
    void serve();

    boost::asio::io_context& io_;
    os::ErrorOutput output_;
    bool dead_ = false;
    std::deque<std::pair<const void*, std::function<void()>>> waiting_;
    const void* served_ = nullptr;
    Later serve_soon_;
    // An epoll fd with our stderr in it, because Asio would set O_NONBLOCK on what it waits for.
    std::optional<Watch> writable_;
};

} // namespace svc::daemon
