#include "svcd/front/control_session.h"

#include "os/clock.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <poll.h>
#include <utility>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

/// Bounds what one client can do to the others in one turn of the loop.
constexpr std::size_t bytes_a_read = 16u << 10;

/// True: the other end is closed, not only its sending side.
bool hung_up(int socket) {
    pollfd entry{.fd = socket, .events = 0, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

wire::VarlinkReply malformed(const std::string& why) {
    wire::VarlinkReply reply;
    reply.error = "org.varlink.service.InvalidParameter";
    reply.parameters["parameter"] = why;
    return reply;
}

} // namespace

ControlSession::ControlSession(Socket socket, Peer peer, bool may_change, CallHandler& handler,
                               SessionLimits limits, std::function<void(ControlSession&)> closed)
    : socket_(std::move(socket)), peer_(std::move(peer)), may_change_(may_change),
      handler_(handler), limits_(limits), closed_(std::move(closed)), active_at_(os::now()),
      wakeup_(socket_.get_executor()), reader_wakeup_(socket_.get_executor()) {}

void ControlSession::start(Unfinished before) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    if (auto taken = messages_.append(before.calls); !taken) {
        broken_ = taken.error().message;
        advance(Phase::answering);
    }
    unsent_ = std::move(before.replies);
    if (!unsent_.empty())
        write_soon();
    const auto self = shared_from_this();
    auto reader = [self]() -> asio::awaitable<void> { co_await self->read(); };
    auto dispatcher = [self]() -> asio::awaitable<void> { co_await self->dispatch(); };
    asio::co_spawn(socket_.get_executor(), reader, asio::detached);
    asio::co_spawn(socket_.get_executor(), dispatcher, asio::detached);
}

void ControlSession::drop(std::string why) {
    if (gone())
        return;
    phase_ = Phase::gone;
    if (!why.empty())
        spdlog::debug("control client (uid {}, pid {}) dropped: {}", peer_.uid, peer_.pid, why);
    boost::system::error_code ignored;
    socket_.close(ignored);
    wakeup_.notify();
    reader_wakeup_.notify();
    closed_(*this);
}

void ControlSession::finish() {
    advance(Phase::leaving);
    leave_if_idle();
    wakeup_.notify();
    reader_wakeup_.notify();
}

void ControlSession::leave_if_idle() {
    if (phase_ == Phase::leaving && idle())
        drop({});
}

void ControlSession::abandon() {
    wakeup_.abandon();
    reader_wakeup_.abandon();
}

void ControlSession::reply(const wire::VarlinkReply& reply) {
    if (gone() || handling_ == Handling::oneway_call)
        return;
    const std::string bytes = wire::encode(reply);
    if (unsent_.size() + bytes.size() > limits_.unsent) {
        drop("does not read its replies");
        return;
    }
    unsent_ += bytes;
    write_soon();
}

void ControlSession::write_soon() {
    if (!std::exchange(writes_, true))
        asio::post(socket_.get_executor(), [self = shared_from_this()] { self->write(); });
}

void ControlSession::write() {
    if (gone())
        return;
    boost::system::error_code error;
    const std::size_t written = socket_.write_some(asio::buffer(unsent_), error);
    if (error && error != asio::error::would_block) {
        drop(error.message());
        return;
    }
    unsent_.erase(0, written);
    if (written > 0)
        active_at_ = os::now();
    if (!backed_up())
        wakeup_.notify();
    if (!unsent_.empty()) {
        socket_.async_wait(Socket::wait_write,
                           [self = shared_from_this()](const boost::system::error_code& failed) {
                               if (!failed)
                                   self->write();
                           });
        return;
    }
    writes_ = false;
    leave_if_idle();
}

std::optional<Unfinished> ControlSession::unfinished() const {
    if (gone() || !broken_.empty())
        return std::nullopt;
    Unfinished left;
    left.replies = unsent_;
    // After end-of-file, with replies that are not taken yet: it finds that end again.
    if (phase_ == Phase::leaving && handling_ == Handling::nothing)
        return left;
    if (handling_ == Handling::call) {
        const auto rest = continuation_ ? continuation_() : std::nullopt;
        if (!rest)
            return std::nullopt;
        left.calls = wire::encode(*rest);
    }
    left.calls += messages_.unread();
    return left;
}

void ControlSession::take_in() {
    std::array<char, bytes_a_read> bytes;
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block)
        return;
    if (error) {
        advance(Phase::answering);
        if (error != asio::error::eof)
            drop(error.message());
        return;
    }
    active_at_ = os::now();
    if (auto taken = messages_.append({bytes.data(), count}); !taken) {
        broken_ = taken.error().message;
        advance(Phase::answering);
    }
}

asio::awaitable<void> ControlSession::read() {
    while (phase_ == Phase::open) {
        if (handling_ != Handling::nothing && messages_.pending() >= limits_.unread) {
            co_await reader_wakeup_.wait();
            continue;
        }
        auto [error] =
            co_await socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error || phase_ != Phase::open)
            break;
        take_in();
        // A call under way does not care; an idle dispatcher looks for a whole message.
        if (handling_ == Handling::nothing || phase_ != Phase::open)
            wakeup_.notify();
    }
    if (!gone() && broken_.empty())
        co_await watch_for_hang_up();
}

asio::awaitable<void> ControlSession::watch_for_hang_up() {
    while (!gone()) {
        if (hung_up(socket_.native_handle())) {
            drop("the client is gone");
            break;
        }
        auto [error] =
            co_await socket_.async_wait(Socket::wait_error, asio::as_tuple(asio::use_awaitable));
        if (error)
            break;
    }
}

asio::awaitable<void> ControlSession::dispatch() {
    while (phase_ < Phase::leaving) {
        auto message = messages_.next();
        if (message) {
            handling_ = Handling::call;
            co_await handle_one(std::move(*message));
            continuation_ = nullptr;
            handling_ = Handling::answered;
            while (!gone() && backed_up())
                co_await wakeup_.wait();
            handling_ = Handling::nothing;
            active_at_ = os::now();
        } else if (phase_ == Phase::answering) {
            if (!broken_.empty())
                reply(malformed(broken_));
            break;
        } else {
            reader_wakeup_.notify();
            co_await wakeup_.wait();
        }
    }
    finish();
}

asio::awaitable<void> ControlSession::handle_one(std::string message) {
    auto call = wire::decode_call(message);
    if (!call) {
        // What follows on this stream cannot be trusted to start where a message starts.
        broken_ = call.error().message;
        reply(malformed(broken_));
        advance(Phase::leaving);
        co_return;
    }
    // Who hung up before it was begun has told somebody that it failed: nothing may come of it later. It may have waited
    // in the queue of a supervisor that has died since.
    if (!call->oneway && hung_up(socket_.native_handle())) {
        drop("the client is gone");
        co_return;
    }
    if (call->oneway)
        handling_ = Handling::oneway_call;
    try {
        co_await handler_.handle(*call, *this);
    } catch (const std::exception& failure) {
        spdlog::error("control call {} failed: {}", call->method, failure.what());
        drop("its call failed");
    }
}

} // namespace svc::daemon
