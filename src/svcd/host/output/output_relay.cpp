#include "svcd/host/output/output_relay.h"

#include "os/pipe.h"

#include <algorithm>
#include <array>

namespace svc::daemon {

namespace {

constexpr int reads_a_turn = 4; // one worker that writes all the time leaves the others their turn
constexpr std::size_t drained_at_most = 1 << 20; // of a pipe, as large as we make one
constexpr std::size_t line_limit = 16384;
constexpr Duration patience_for_a_line = std::chrono::milliseconds(50);

/// How much of it a place gets that takes lines.
std::size_t in_lines(std::string_view seen, bool whole) {
    const std::size_t end = seen.rfind('\n');
    if (end != std::string_view::npos)
        return end + 1;
    return whole || seen.size() >= line_limit ? seen.size() : 0;
}

} // namespace

OutputRelay::OutputRelay(boost::asio::io_context& io, Watch watch,
                         std::unique_ptr<OutputPlace> place)
    : watch_(std::move(watch)), place_(std::move(place)), again_(io, [this] { go_on(); }),
      partial_(io) {}

Result<std::unique_ptr<OutputRelay>> OutputRelay::make(boost::asio::io_context& io,
                                                       UniqueFd read_end,
                                                       std::unique_ptr<OutputPlace> place) {
    auto watch = Watch::make(io, std::move(read_end));
    if (!watch)
        return watch.error();
    auto relay =
        std::unique_ptr<OutputRelay>(new OutputRelay(io, std::move(*watch), std::move(place)));
    // At once: there may be something in a pipe that was taken over.
    relay->again_.wake();
    return relay;
}

OutputRelay::~OutputRelay() {
    if (!place_)
        return;
    place_->forget();
    pass_pending(); // what it takes at once; there is no loop any more to wait in
    place_->forget();
}

OutputRelay::Turn OutputRelay::pass_some(bool whole) {
    std::array<char, os::peek_limit> buffer; // NOLINT: filled by peek_pipe()
    const auto count = os::peek_pipe(watch_.fd(), buffer);
    if (count && !count->has_value())
        return Turn::nothing;
    if (!count || **count == 0) {
        at_end_ = true;
        return Turn::end;
    }
    std::string_view seen(buffer.data(), **count);
    if (place_ && place_->takes_lines())
        seen = seen.substr(0, in_lines(seen, whole));
    if (seen.empty())
        return Turn::partial;
    std::size_t passed = seen.size();
    if (place_)
        passed = place_->pass(seen, watch_.fd());
    else
        static_cast<void>(os::discard(watch_.fd(), passed)); // they are there
    tail_.feed(seen.substr(0, passed));
    return passed < seen.size() ? Turn::full : Turn::passed;
}

bool OutputRelay::pass_pending() {
    if (pending_.empty())
        return true;
    pending_.erase(0, place_->pass(pending_, -1));
    if (!pending_.empty())
        return false;
    pending_.shrink_to_fit();
    return true;
}

void OutputRelay::go_on() {
    look_again(false);
}

void OutputRelay::look_again(bool whole) {
    partial_.cancel();
    if (!pass_pending()) {
        place_->wait([this] { go_on(); });
        return;
    }
    for (int turn = 0; turn < reads_a_turn && !at_end_; ++turn) {
        switch (pass_some(std::exchange(whole, false))) {
        case Turn::passed:
        case Turn::end:
            break;
        case Turn::nothing:
            watch_.when_readable([this] { go_on(); });
            return;
        case Turn::partial:
            // Not by when_readable(): it is readable, and would be at once.
            partial_.after(patience_for_a_line, [this] { look_again(true); });
            return;
        case Turn::full:
            place_->wait([this] { go_on(); });
            return;
        }
    }
    if (at_end_)
        tell_closed();
    else
        again_.wake();
}

void OutputRelay::tell_closed() {
    if (const auto closed = std::exchange(closed_, nullptr))
        closed(); // may destroy this
}

void OutputRelay::drain() {
    std::size_t seen = 0;
    Turn turn = pending_.empty() ? Turn::passed : Turn::full;
    while (turn == Turn::passed && !at_end_ && seen < drained_at_most) {
        turn = pass_some(true);
        seen += os::peek_limit;
    }
    if (turn != Turn::full)
        return;
    std::array<char, os::peek_limit> buffer; // NOLINT: filled by peek_pipe()
    for (; seen < drained_at_most; seen += os::peek_limit) {
        const auto count = os::peek_pipe(watch_.fd(), buffer);
        if (!count || !count->has_value() || **count == 0)
            break;
        const std::string_view bytes(buffer.data(), **count);
        static_cast<void>(os::discard(watch_.fd(), bytes.size()));
        tail_.feed(bytes);
        pending_ += bytes;
    }
    again_.wake();
}

void OutputRelay::when_closed(std::function<void()> then) {
    closed_ = std::move(then);
    again_.wake(); // it may have ended before anybody asked
}

} // namespace svc::daemon
