#include "svcd/host/children/loop.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace svc::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

// A handler holds its Core weakly: Asio may already have queued it when the owner goes.

struct Watch::Core : std::enable_shared_from_this<Watch::Core> {
    explicit Core(asio::io_context& io) : descriptor(io) {}

    void wait(asio::posix::stream_descriptor::wait_type kind, bool& waiting,
              std::function<void()> Core::*then) {
        if (waiting)
            return;
        waiting = true;
        descriptor.async_wait(kind, [weak = weak_from_this(), &waiting, then](error_code error) {
            const auto self = weak.lock(); // keeps `waiting` alive too
            if (!self)
                return;
            waiting = false;
            if (error == asio::error::operation_aborted)
                return;
            if (const auto callback = std::exchange((*self).*then, nullptr))
                callback();
        });
    }

    asio::posix::stream_descriptor descriptor;
    std::function<void()> on_readable;
    std::function<void()> on_writable;
    bool reading = false;
    bool writing = false;
};

Watch::Watch(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

Result<Watch> Watch::make(asio::io_context& io, UniqueFd fd) {
    auto core = std::make_shared<Core>(io);
    error_code error;
    core->descriptor.assign(fd.get(), error);
    if (error)
        return system_error("cannot watch a fd (raise fs.epoll.max_user_watches?)", error.value());
    (void)fd.release(); // the descriptor closes it
    return Watch(std::move(core));
}

int Watch::fd() const {
    return core_->descriptor.native_handle();
}

void Watch::when_readable(std::function<void()> then) {
    core_->on_readable = std::move(then);
    core_->wait(asio::posix::stream_descriptor::wait_read, core_->reading, &Core::on_readable);
}

void Watch::when_writable(std::function<void()> then) {
    core_->on_writable = std::move(then);
    core_->wait(asio::posix::stream_descriptor::wait_write, core_->writing, &Core::on_writable);
}

struct Alarm::Core : std::enable_shared_from_this<Alarm::Core> {
    explicit Core(asio::io_context& io) : timer(io) {}
    asio::steady_timer timer;
    std::function<void()> then;
    std::uint64_t round = 0; // a cancelled wait may already be queued as a success
};

Alarm::Alarm(asio::io_context& io) : core_(std::make_shared<Core>(io)) {}
Alarm::~Alarm() = default;

void Alarm::after(Duration wait, std::function<void()> then) {
    core_->then = std::move(then);
    core_->timer.expires_after(wait);
    core_->timer.async_wait(
        [weak = core_->weak_from_this(), round = ++core_->round](error_code error) {
            const auto self = weak.lock();
            if (!self || error || round != self->round)
                return;
            if (const auto callback = std::exchange(self->then, nullptr))
                callback();
        });
}

void Alarm::cancel() {
    ++core_->round;
    core_->then = nullptr;
    core_->timer.cancel();
}

struct Later::Core : std::enable_shared_from_this<Later::Core> {
    Core(asio::io_context& context, std::function<void()> callback)
        : io(context), then(std::move(callback)) {}
    asio::io_context& io;
    std::function<void()> then;
    bool queued = false;
};

Later::Later(asio::io_context& io, std::function<void()> then)
    : core_(std::make_shared<Core>(io, std::move(then))) {}
Later::~Later() = default;

void Later::wake() {
    if (std::exchange(core_->queued, true))
        return;
    asio::post(core_->io, [weak = core_->weak_from_this()] {
        const auto self = weak.lock();
        if (!self)
            return;
        self->queued = false;
        self->then();
    });
}

} // namespace svc::daemon
