// The server: one thread, one epoll set, and a way to stop that loses nobody.
#pragma once

#include "fd.h"
#include "listeners.h"
#include "options.h"
#include "worker.h"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace web {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;

inline constexpr std::chrono::seconds
    request_limit(30); ///< to stay idle, then send a whole request

/// One client's connection.
///
///     reading ──request──▶ waiting ──answer is due──▶ writing ──kept alive──▶ reading
///        │                                               └──to be closed──▶ lingering ──▶ gone
///        └──idle for too long, or drained──────────────────────────────────────▲
///
/// `lingering`: we have said that we send no more (SHUT_WR) and throw away what still comes until
/// the client closes too. Closing outright would lose data: close() with unread bytes in the
/// receive queue sends a reset, and a reset that overtakes our answer in the client's kernel
/// destroys it there (RFC 9112, 9.6). One deadline at a time; every phase has one.
struct Connection {
    enum class Phase { reading, waiting, writing, lingering };

    Fd fd;
    Phase phase = Phase::reading;
    std::string input;  ///< received, not yet part of a request
    std::string output; ///< of which `sent` bytes are gone
    std::size_t sent = 0;
    bool keep_alive = false; ///< what the client asked for with the request in hand
    bool close_after = false;
    int status = 0;    ///< of the answer in the making
    bool head = false; ///< the request was HEAD
    Instant deadline;
};

/// Accepts, answers GET /, and after SIGTERM or SIGINT drains:
///
/// 1. STOPPING=1; the listeners are closed. New connections go to the other workers.
/// 2. Requests in flight are answered, with `Connection: close`.
/// 3. An idle keep-alive connection is the difficult one. Closing it races with the client, which
///    may be sending its next request at this moment and then gets an error that no retry rule
///    covers for a POST. So we keep reading for the drain period and answer that one more request,
///    with `Connection: close`: a client that sends at all within the period moves on without an
///    error, whatever its timing.
/// 4. What has been silent for the whole period is closed by SHUT_WR and lingering. What is left of
///    the race is a client that breaks its silence in the microseconds in which our FIN travels: it
///    sees an orderly end of file instead of a reset, before any byte of an answer, which is the
///    case in which RFC 9112, 9.3.1 lets it send the request again elsewhere.
/// 5. When the last connection is gone, run() returns. It returns early if there were none.
class Server {
public:
    Server(const Options& options, std::vector<Listener> listeners, Supervisor& supervisor,
           const Timeline& timeline);
    void run();

private:
    using Key = std::uint64_t; ///< what an epoll event or a deadline belongs to; never used twice

    void announce_ready();
    void wait_and_dispatch();
    void on_signal();
    void on_deadline(Key key);

    void add_listener(Key key);
    void accept_some(Key key, std::size_t most);
    void rest(Key key);
    void start_draining();
    void close_listener(Key key);

    void on_connection(Key key, std::uint32_t events);
    void on_connection_deadline(Key key);
    void take_input(Key key);
    void take_request(Key key, Connection& connection);
    void answer(Key key, Connection& connection);
    void send_output(Key key, Connection& connection);
    void linger(Key key, Connection& connection);
    void forget(Key key);

    void watch(Key key, const Connection& connection, int operation);
    /// Every change of phase goes through here: what epoll watches and the deadline follow.
    void enter(Key key, Connection& connection, Connection::Phase phase, Clock::duration limit);

    const Options& options_;
    std::vector<Listener> listeners_; ///< the key of one is its index
    Supervisor& supervisor_;
    const Timeline& timeline_;
    Fd epoll_;
    Fd signals_;
    std::unordered_map<Key, Connection> connections_;
    std::set<std::pair<Instant, Key>> deadlines_;
    Key next_key_;
    std::string body_; ///< of the answer to GET /
    bool draining_ = false;
};

} // namespace web
