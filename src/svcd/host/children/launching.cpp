#include "svcd/host/children/launching.h"

#include "os/fd.h"
#include "os/fd_passing.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace svc::daemon {

namespace {

// More than the largest LaunchFailure frame (its sentence has at most 4096 bytes).
constexpr std::size_t answer_limit = 8192;

} // namespace

Launching::Launching(boost::asio::io_context& io, Watch watch, LaunchParcel parcel,
                     std::function<void()> answered)
    : watch_(std::move(watch)), retry_(io), tell_(io, [this] { tell_answer(); }),
      answered_(std::move(answered)), parcel_(std::move(parcel)) {}

Result<std::unique_ptr<Launching>> Launching::make(boost::asio::io_context& io, UniqueFd socket,
                                                   LaunchParcel parcel,
                                                   std::function<void()> answered) {
    auto watch = Watch::make(io, std::move(socket));
    if (!watch)
        return watch.error();
    auto launching = std::unique_ptr<Launching>(
        new Launching(io, std::move(*watch), std::move(parcel), std::move(answered)));
    launching->send_on();
    launching->await_answer();
    return launching;
}

void Launching::release() {
    if (go_ != Go::held)
        return;
    go_ = Go::wanted;
    send_on();
}

Result<std::size_t> Launching::send_next() {
    const int socket = watch_.fd();
    if (order_sent_ < parcel_.order.size()) {
        auto sent =
            os::send_with_fds(socket, std::string_view(parcel_.order).substr(order_sent_), {});
        if (sent)
            order_sent_ += *sent;
        return sent;
    }
    if (fds_sent_ < parcel_.fds.size()) {
        const auto batch = std::span(parcel_.fds)
                               .subspan(fds_sent_, std::min(wire::fds_per_message,
                                                            parcel_.fds.size() - fds_sent_));
        auto sent = os::send_with_fds(socket, std::string_view(&wire::launch_fds, 1), batch);
        if (sent && *sent != 0)
            fds_sent_ += batch.size();
        if (fds_sent_ == parcel_.fds.size())
            parcel_.owned.clear();
        return sent;
    }
    auto sent = os::send_with_fds(socket, std::string_view(&wire::launch_go, 1), {});
    if (sent && *sent != 0)
        go_ = Go::sent;
    return sent;
}

void Launching::send_on() {
    while (answer_ == Answer::awaited) {
        const bool all_sent =
            order_sent_ == parcel_.order.size() && fds_sent_ == parcel_.fds.size();
        if (all_sent && go_ != Go::wanted)
            return;
        const auto sent = send_next();
        if (!sent) {
            handle_send_error(sent.error());
            return;
        }
        if (*sent == 0) {
            watch_.when_writable([this] { send_on(); });
            return;
        }
    }
}

void Launching::handle_send_error(const Error& error) {
    // The launcher is gone: it said why in a frame that is still to be read, or its exit tells.
    if (error.code == EPIPE || error.code == ECONNRESET)
        return;
    // Fds on their way count against the limit on open files until the launcher takes them
    // (unix(7), ETOOMANYREFS), and no event tells of that. The worker's start deadline bounds this.
    if (error.code == ETOOMANYREFS) {
        retry_.after(std::chrono::milliseconds(5), [this] { send_on(); });
        return;
    }
    fail(wire::LaunchStep::fds, error.code, error.message);
    tell_.wake();
}

void Launching::await_answer() {
    watch_.when_readable([this] {
        read_answer();
        switch (answer_) {
        case Answer::awaited:
            await_answer();
            return;
        case Answer::silence:
            return; // the owner sees the process end
        case Answer::executed:
        case Answer::failed:
            tell_answer();
            return;
        }
    });
}

void Launching::tell_answer() {
    // The owner may destroy us in it: nothing here is touched after the call.
    if (const auto then = std::exchange(answered_, nullptr))
        then();
}

void Launching::read_answer() {
    while (answer_ == Answer::awaited) {
        std::array<char, 1024> buffer; // NOLINT: filled by read_some()
        const auto read = os::read_some(watch_.fd(), buffer);
        if (read && !read->has_value())
            return;
        if (!read || **read == 0) {
            // An error is ECONNRESET: it went without having read all that we sent, GO perhaps.
            const bool executed = read && go_ == Go::sent && received_.empty();
            answer_ = executed ? Answer::executed : Answer::silence;
            return;
        }
        received_.append(buffer.data(), **read);
        const auto frame = wire::decode_launch_failure(received_);
        if (frame && frame->has_value()) {
            failure_ = **frame;
            answer_ = Answer::failed;
        } else if (!frame) {
            fail(wire::LaunchStep::order, 0, "svc-launch answered: " + frame.error().message);
        } else if (received_.size() > answer_limit) {
            fail(wire::LaunchStep::order, 0, "svc-launch answered without an end");
        }
    }
}

void Launching::fail(wire::LaunchStep step, std::int32_t error, std::string sentence) {
    failure_ = wire::LaunchFailure{step, error, std::move(sentence)};
    answer_ = Answer::failed;
    parcel_.owned.clear();
}

} // namespace svc::daemon
