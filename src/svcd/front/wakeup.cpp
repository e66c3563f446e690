#include "svcd/front/wakeup.h"

#include "base/result.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace svc::daemon {

namespace {

template <class Handler>
struct HandlerSleeper final : Wakeup::Sleeper {
    explicit HandlerSleeper(Handler given) : handler(std::move(given)) {}
    void resume() override { std::move(handler)(); }
    Handler handler;
};

} // namespace

Wakeup::Wakeup(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

Wakeup::~Wakeup() {
    abandon();
}

void Wakeup::notify() {
    pending_ = true;
    if (sleeper_)
        boost::asio::post(executor_,
                          [woken = std::exchange(sleeper_, nullptr)] { woken->resume(); });
}

boost::asio::awaitable<void> Wakeup::wait() {
    if (!pending_) {
        if (sleeper_)
            fatal("two coroutines sleep on one Wakeup");
        auto initiate = [this](auto handler) {
            sleeper_ = std::make_shared<HandlerSleeper<decltype(handler)>>(std::move(handler));
        };
        const boost::asio::use_awaitable_t<> token;
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(initiate,
                                                                                           token);
    }
    pending_ = false;
}

void Wakeup::abandon() {
    // Moved out first: destroying the frame may destroy this Wakeup.
    const auto abandoned = std::exchange(sleeper_, nullptr);
}

} // namespace svc::daemon
