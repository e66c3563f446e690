// Wakeup: how a coroutine sleeps until somebody has news for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace svc::daemon {

/// One sleeper, many wakers, one bit of memory:
///
///   quiet ─ notify → pending ─ wait (returns at once) → quiet
///   quiet ─ wait → asleep ─ notify → (posted) awake → quiet
///
/// A notify that comes before the wait is not lost, which a timer used as a condition variable
/// would do; and a sleeper holds no timer, because Asio's timer queue wakes the process every five
/// minutes while it holds one. The sleeper is resumed from the event loop, never inside notify():
/// a waker may stand in the middle of a step.
class Wakeup {
public:
    explicit Wakeup(boost::asio::any_io_executor executor);
    ~Wakeup();
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    void notify();
    /// At most one coroutine at a time.
    boost::asio::awaitable<void> wait();
    /// Destroys the sleeping coroutine, if there is one. A coroutine that (indirectly) owns the
    /// Wakeup that it sleeps on would keep itself alive: whoever ends first calls this.
    void abandon();

    struct Sleeper {
        virtual ~Sleeper() = default;
        virtual void resume() = 0;
    };

private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<Sleeper> sleeper_;
    bool pending_ = false;
};

} // namespace svc::daemon
