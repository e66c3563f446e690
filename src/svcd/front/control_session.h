// One client of the control socket.
#pragma once

#include "base/time.h"
#include "svcd/front/call_handler.h"
#include "svcd/front/carried_clients.h"

#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

namespace svc::daemon {

/// Bounds of one client. A test makes them small.
struct SessionLimits {
    std::size_t unsent = 1u << 20; ///< bytes queued for a client: over it, the client is dropped
    std::size_t backed_up = 64u << 10; ///< bytes queued above which nothing new is begun for it
    std::size_t unread = 64u << 10;    ///< bytes of calls taken in while one is being handled
};

/// Two coroutines, and a buffer each way:
///
///   reader      takes bytes in, until end-of-file; while a call is handled and enough calls wait,
///               it leaves the rest in the socket, so that a client that sends faster than it is
///               answered fills its own buffer, not our memory
///   dispatcher  handles one whole message at a time, in order, then closes after end-of-file
///   unsent_     replies: written once a turn of the loop, as far as the client takes them
///
///   open ─ end-of-file → answering ─ all answered → leaving ─ all sent → gone
///     ├── a message that is none, the server ends ──────┘               │
///     └── error, over a limit, evicted, hang-up ────────────────────────┘ (from every phase)
///
/// No way leads back. A call that is being handled when the session leaves is handled to its end; one whose client is
/// gone is not begun, unless it is oneway. At an upgrade
/// the client is carried over with what is unfinished(); its session in the next program begins with that.
///
/// A client that closes and one that only ends its sending side look alike to read(2); poll(2)
/// tells them apart (POLLHUP), and only the first ends a wait. What can never happen: a write to
/// this client blocks the event loop; a reply goes out of order; a session outlives its socket by
/// more than its handler's next wakeup.
class ControlSession final : public Caller, public std::enable_shared_from_this<ControlSession> {
public:
    using Socket = boost::asio::local::stream_protocol::socket;

    ControlSession(Socket socket, Peer peer, bool may_change, CallHandler& handler,
                   SessionLimits limits, std::function<void(ControlSession&)> closed);

    /// `before`: what an earlier session of this client left.
    void start(Unfinished before = {});
    /// For another program to go on with; nullopt: this client ends with ours.
    [[nodiscard]] std::optional<Unfinished> unfinished() const;
    [[nodiscard]] int fd() { return socket_.native_handle(); }
    /// Closes at once, whatever is unsent.
    void drop(std::string why);
    /// Closes as soon as everything queued is sent; no further call is begun.
    void finish();
    /// Ends what still sleeps: for the server's own end.
    void abandon();

    [[nodiscard]] Instant active_at() const { return active_at_; }
    /// No call in progress and nothing unsent.
    [[nodiscard]] bool idle() const { return handling_ == Handling::nothing && unsent_.empty(); }
    /// Has replies that it does not take.
    [[nodiscard]] bool stuck() const { return !unsent_.empty(); }

    [[nodiscard]] const Peer& peer() const override { return peer_; }
    [[nodiscard]] bool may_change() const override { return may_change_; }
    void reply(const wire::VarlinkReply& reply) override;
    [[nodiscard]] bool gone() const override { return phase_ == Phase::gone; }
    Wakeup& wakeup() override { return wakeup_; }
    [[nodiscard]] bool backed_up() const override { return unsent_.size() > limits_.backed_up; }
    void goes_on_as(Continuation continuation) override { continuation_ = std::move(continuation); }

private:
    enum class Phase {
        open,      ///< bytes are taken in
        answering, ///< none are any more; the calls that are there are still answered
        leaving,   ///< no further call is begun; what is queued is sent
        gone,      ///< the socket is closed
    };
    enum class Handling {
        nothing,
        call,
        oneway_call,
        answered, ///< its handler has ended, and the client has yet to take what it said
    };

    void advance(Phase to) { phase_ = std::max(phase_, to); }
    /// Nothing that was asked for is left to do.
    void leave_if_idle();
    boost::asio::awaitable<void> read();
    boost::asio::awaitable<void> watch_for_hang_up();
    boost::asio::awaitable<void> dispatch();
    boost::asio::awaitable<void> handle_one(std::string message);
    /// Takes in what is there.
    void take_in();
    void write_soon();
    void write();

    Socket socket_;
    Peer peer_;
    bool may_change_;
    CallHandler& handler_;
    SessionLimits limits_;
    std::function<void(ControlSession&)> closed_;

    wire::MessageBuffer messages_;
    std::string broken_; ///< why no further message can be cut from the stream
    Phase phase_ = Phase::open;
    Handling handling_ = Handling::nothing;

    Continuation continuation_; ///< of the call that is handled

    // Nothing but write() writes, so that it is known at any moment what the client has. What one step says wakes
    // the client once, not once a line.
    std::string unsent_;
    bool writes_ = false; ///< write() comes, or waits for room

    Instant active_at_;
    Wakeup wakeup_;        ///< of the dispatcher and the call that it handles
    Wakeup reader_wakeup_; ///< of a reader that paused
};

} // namespace svc::daemon
