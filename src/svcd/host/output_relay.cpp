#include "svcd/host/output_relay.h"

#include "os/fd.h"

#include <array>

namespace svc::daemon {

namespace {

constexpr std::size_t read_size = 16384;
constexpr int reads_a_turn = 4; // one worker that writes all the time leaves the others their turn
constexpr std::size_t pipe_capacity = 65536; // pipe(7)

} // namespace

OutputRelay::OutputRelay(boost::asio::io_context& io, Watch watch, ErrorSink* sink)
    : watch_(std::move(watch)), sink_(sink), again_(io, [this] { go_on(); }) {}

Result<std::unique_ptr<OutputRelay>> OutputRelay::make(boost::asio::io_context& io,
                                                       UniqueFd read_end, ErrorSink* sink) {
    auto watch = Watch::make(io, std::move(read_end));
    if (!watch)
        return watch.error();
    auto relay = std::unique_ptr<OutputRelay>(new OutputRelay(io, std::move(*watch), sink));
    relay->watch_.when_readable([self = relay.get()] { self->go_on(); });
    return relay;
}

OutputRelay::~OutputRelay() {
    if (sink_ == nullptr)
        return;
    sink_->forget(this);
    pass_on(); // what it takes at once; there is no loop any more to wait in
    sink_->forget(this);
}

OutputRelay::Read OutputRelay::read_once() {
    std::array<char, read_size> buffer; // NOLINT: filled by read()
    const auto read = os::read_some(watch_.fd(), buffer);
    if (read && !read->has_value())
        return Read::nothing;
    if (!read || **read == 0) {
        at_end_ = true;
        return Read::end;
    }
    const std::string_view bytes(buffer.data(), **read);
    tail_.feed(bytes);
    if (sink_ != nullptr)
        pending_ += bytes;
    return Read::some;
}

void OutputRelay::pass_on() {
    if (pending_.empty())
        return;
    pending_.erase(0, sink_->write(this, pending_));
    if (pending_.empty())
        pending_.shrink_to_fit();
    else
        sink_->wait(this, [this] { go_on(); });
}

void OutputRelay::go_on() {
    pass_on();
    for (int turn = 0; turn < reads_a_turn && pending_.empty() && !at_end_; ++turn) {
        if (read_once() == Read::nothing) {
            watch_.when_readable([this] { go_on(); });
            return;
        }
        pass_on();
    }
    if (!pending_.empty())
        return; // the sink calls
    if (!at_end_)
        again_.wake();
    else if (const auto closed = std::exchange(closed_, nullptr))
        closed(); // may destroy this
}

void OutputRelay::drain() {
    const bool was_waiting = !pending_.empty();
    std::size_t rounds = 0;
    while (!at_end_ && rounds++ < pipe_capacity / read_size && read_once() == Read::some) {
    }
    if (!was_waiting)
        pass_on();
}

void OutputRelay::when_closed(std::function<void()> then) {
    closed_ = std::move(then);
    if (at_end_ && pending_.empty())
        again_.wake(); // it ended before anybody asked
}

} // namespace svc::daemon
