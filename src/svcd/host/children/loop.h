// Asio behind three small types. Their callbacks never run after the object is gone and never from
// inside the call that asked for them, so an owner may capture `this`, and a callback may destroy
// its own owner.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace svc::daemon {

/// Waits for one fd, which it owns. A wait is for one time and is asked for again; the fd is never
/// polled while nobody waits, except that Asio's epoll entry is edge-triggered and always there, so
/// an fd that gets data all the time and is never read belongs somewhere else (HangupWatch).
///
/// Asio sets O_NONBLOCK on what it waits for, even for a mere wait: never give it a fd whose open
/// file is shared with another process.
class Watch {
public:
    static Result<Watch> make(boost::asio::io_context& io, UniqueFd fd);
    Watch(Watch&&) noexcept;
    Watch& operator=(Watch&&) noexcept;
    ~Watch();

    [[nodiscard]] int fd() const;
    /// Asked again before it came: the newer callback counts.
    void when_readable(std::function<void()> then);
    void when_writable(std::function<void()> then);

private:
    struct Core;
    explicit Watch(std::shared_ptr<Core> core);
    std::shared_ptr<Core> core_;
};

/// One point in time (CLOCK_MONOTONIC), at most one at a time.
class Alarm {
public:
    explicit Alarm(boost::asio::io_context& io);
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    ~Alarm();

    void after(Duration wait, std::function<void()> then);
    void cancel();

private:
    struct Core;
    std::shared_ptr<Core> core_;
};

/// "Soon, once": any number of wake() before it ran are one run. Other work of the loop gets its
/// turn first.
class Later {
public:
    Later(boost::asio::io_context& io, std::function<void()> then);
    Later(const Later&) = delete;
    Later& operator=(const Later&) = delete;
    ~Later();

    void wake();

private:
    struct Core;
    std::shared_ptr<Core> core_;
};

} // namespace svc::daemon
