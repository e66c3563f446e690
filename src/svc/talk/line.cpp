#include "svc/talk/line.h"

#include "os/clock.h"
#include "wire/control.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>

namespace svc::cli {
namespace {

constexpr Duration shortest_pause = std::chrono::milliseconds(10);
constexpr Duration longest_pause = std::chrono::milliseconds(250);
/// A supervisor that answers and dies, over and over, is not asked at full speed.
constexpr Duration short_life = std::chrono::seconds(1);

Error out_of_time() {
    return {"the supervisor did not answer in time", ETIMEDOUT};
}

/// Until then; EINTR if `interrupt` became readable before.
Result<void> sleep_until(Instant then, int interrupt) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - os::now()).count();
        if (left <= 0)
            return {};
        pollfd entry{interrupt, POLLIN, 0};
        const int ready =
            ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
        if (ready > 0)
            return Error{"interrupted", EINTR};
        if (ready < 0 && errno != EINTR)
            return system_error("cannot wait for the supervisor", errno);
    }
}

} // namespace

bool Line::may_come(const Error& error) const {
    switch (error.code) {
    case ECONNREFUSED:
        return true;
    case ENOENT:
        // Between the end of the old one's socket and the beginning of the new one's.
        return absent_since_ && !expects_end_;
    case EAGAIN:
        return lost_; // nobody takes what waits in its backlog yet
    }
    return false;
}

bool Line::try_later() {
    const Instant now = os::now();
    if (!absent_since_) {
        absent_since_ = now;
        if (!answered_at_ || now - *answered_at_ >= short_life)
            pause_ = shortest_pause;
    }
    answered_at_.reset();
    pause_ = std::max(pause_, shortest_pause);
    next_try_ = std::min(now + pause_, end_of_absence());
    pause_ = std::min(pause_ * 2, longest_pause);
    return now < end_of_absence();
}

Error Line::connection_ended(const Error& error) {
    client_.reset();
    lost_ = true;
    return {error.message, try_later() ? ECONNRESET : ECONNREFUSED};
}

void Line::hang_up() {
    client_.reset();
    lost_ = true;
    static_cast<void>(try_later());
}

Result<void> Line::open(const std::function<wire::VarlinkCall()>& call,
                        std::optional<Instant> until) {
    while (!client_) {
        if (absent_since_) {
            if (auto slept =
                    sleep_until(until ? std::min(*until, next_try_) : next_try_, interrupt_);
                !slept)
                return slept;
            if (os::now() < next_try_)
                return out_of_time();
        }
        auto client = Client::connect(service_.control, service_.name, interrupt_);
        if (!client && !(may_come(client.error()) && try_later()))
            return client.error();
        if (client)
            client_ = std::move(*client);
    }
    if (auto sent = client_->send(call(), until); !sent) {
        if (sent.error().code == ECONNRESET)
            return connection_ended(sent.error());
        client_.reset(); // half a call is none
        return sent;
    }
    ++asked_;
    calling_ = true;
    return {};
}

Result<wire::VarlinkReply> Line::next(const std::function<wire::VarlinkCall()>& call,
                                      std::optional<Instant> until) {
    if (!client_ || !calling_) {
        if (auto opened = open(call, until); !opened)
            return opened.error();
    }
    auto deadline = until;
    if (lost_)
        deadline = until ? std::min(*until, end_of_absence()) : end_of_absence();
    auto reply = client_->receive(deadline);
    if (!reply && reply.error().code == ECONNRESET)
        return connection_ended(reply.error());
    if (!reply && reply.error().code == ETIMEDOUT && lost_ && os::now() >= end_of_absence())
        return Error{reply.error().message, ECONNREFUSED};
    if (!reply)
        return reply;
    // All that waited come back at once.
    if (lost_ && reply->error == wire::control_error::busy)
        return connection_ended(Error{"the supervisor is busy"});
    calling_ = reply->continues;
    lost_ = false;
    absent_since_.reset();
    if (!answered_at_)
        answered_at_ = os::now();
    return reply;
}

} // namespace svc::cli
