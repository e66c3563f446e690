#include "svcd/host/watching/ready_fd.h"

#include "os/fd.h"

#include <array>
#include <utility>

namespace svc::daemon {

namespace {

constexpr std::string_view ready_line = "\"ready\"";
// Of a worker that writes all the time, before the rest of the loop has its turn: 64 KiB.
constexpr int batch_size = 16;
constexpr std::size_t read_size = 4096;
// A process that ends closes its fds just before it can be reaped, and how it ended tells more.
constexpr Duration end_of_process = std::chrono::milliseconds(100);

} // namespace

bool ReadyLine::feed(std::string_view bytes) {
    for (const char byte : bytes) {
        if (byte == '\n' && std::exchange(matched_, 0) == ready_line.size())
            return true;
        if (byte == '\n')
            continue;
        const bool goes_on = matched_ < ready_line.size() && ready_line[matched_] == byte;
        matched_ = goes_on ? matched_ + 1 : std::string_view::npos;
    }
    return false;
}

ReadyFd::ReadyFd(boost::asio::io_context& io, Watch watch, rollout::ReadyOn on, bool heard,
                 Handlers handlers)
    : watch_(std::move(watch)), again_(io, [this] { go_on(); }), telling_(io), on_(on),
      handlers_(std::move(handlers)), heard_(heard) {}

Result<std::unique_ptr<ReadyFd>> ReadyFd::make(boost::asio::io_context& io, UniqueFd our_end,
                                               rollout::ReadyOn on, bool heard, Handlers handlers) {
    auto watch = Watch::make(io, std::move(our_end));
    if (!watch)
        return watch.error();
    auto made = std::unique_ptr<ReadyFd>(
        new ReadyFd(io, std::move(*watch), on, heard, std::move(handlers)));
    made->watch_.when_readable([self = made.get()] { self->go_on(); });
    return made;
}

void ReadyFd::listen() {
    listening_ = true;
    tell_soon();
}

void ReadyFd::go_on() {
    for (int count = 0; count < batch_size; ++count)
        if (!read_some()) {
            if (!ended_)
                watch_.when_readable([this] { go_on(); });
            return;
        }
    again_.wake();
}

bool ReadyFd::read_some() {
    std::array<char, read_size> buffer; // NOLINT: filled by take()
    const auto count = take(buffer);
    if (!count) {
        end("its readiness channel cannot be read: " + count.error().message);
        return false;
    }
    if (!count->has_value())
        return false;
    if (**count == 0) {
        end(on_ == rollout::ReadyOn::ipc
                ? R"(closed its IPC channel (NODE_CHANNEL_FD) before it sent "ready" on it)"
                : "closed its readiness fd without a newline");
        return false;
    }
    if (!heard_ && says_ready(std::string_view(buffer.data(), **count)))
        hear();
    return true;
}

/// Of a socket only whole lines are taken, if there are any, and the one only after it was kept: whoever reads on when we
/// are gone is to find none that is cut in two.
Result<std::optional<std::size_t>> ReadyFd::take(std::span<char> buffer) {
    if (heard_ || on_ != rollout::ReadyOn::ipc)
        return os::read_some(watch_.fd(), buffer);
    const auto count = os::peek_some(watch_.fd(), buffer);
    if (!count || !count->has_value() || **count == 0)
        return count;
    const std::string_view seen(buffer.data(), **count);
    ReadyLine ahead = line_;
    if (ahead.feed(seen))
        hear();
    const std::size_t last = seen.rfind('\n');
    return os::read_some(watch_.fd(), last == std::string_view::npos ? buffer.first(seen.size())
                                                                     : buffer.first(last + 1));
}

bool ReadyFd::says_ready(std::string_view bytes) {
    return on_ == rollout::ReadyOn::ipc ? line_.feed(bytes)
                                        : bytes.find('\n') != std::string_view::npos;
}

void ReadyFd::hear() {
    heard_ = true;
    handlers_.keep();
    tell_soon();
}

void ReadyFd::end(std::string failure) {
    ended_ = true;
    failure_ = std::move(failure);
    tell_soon();
}

void ReadyFd::tell_soon() {
    if (heard_ || ended_)
        telling_.after(heard_ ? Duration::zero() : end_of_process, [this] { tell(); });
}

void ReadyFd::tell() {
    if (!listening_)
        return;
    listening_ = false;
    handlers_.told(heard_ ? std::string() : failure_);
}

} // namespace svc::daemon
