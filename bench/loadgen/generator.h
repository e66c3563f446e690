// Generator: the load itself. One thread, one epoll set.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "loadgen/options.h"
#include "loadgen/response.h"
#include "loadgen/statistics.h"

#include <cstdint>
#include <set>
#include <string>
#include <sys/socket.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace svc::loadgen {

/// CLOCK_MONOTONIC.
Instant now();

/// One user: a request on a connection of its own (gone when it is answered), or a persistent one.
///
///     idle ──due──▶ connecting ──▶ exchanging ──▶ idle (persistent) or gone
///
/// A persistent client whose answer is late sends its next request as soon as it can, and the time
/// that request had to wait counts: it is measured from when it was due.
struct Client {
    enum class Phase { idle, connecting, exchanging };

    Kind kind = Kind::fresh;
    Phase phase = Phase::idle;
    UniqueFd connection;  ///< a persistent client keeps it while idle
    bool reused = false;  ///< the connection has carried an answer before
    std::size_t sent = 0; ///< bytes of the request
    ResponseParser response;
    Instant intended; ///< when the request in hand, or the next one, is due
    Instant alarm;    ///< when `intended` comes (idle), or the request times out
};

/// Open loop: request number i is due at start + i/rate and is sent then, answers or no answers.
/// Were each request to wait for the one before, a server that stalls for a second would see one
/// slow request instead of a thousand ("coordinated omission").
class Generator {
public:
    explicit Generator(const Options& options);
    /// Returns after the duration, a signal or the hard limit.
    Result<void> run();

    [[nodiscard]] const Statistics& statistics() const { return statistics_; }
    [[nodiscard]] Instant started() const { return started_; }
    [[nodiscard]] Instant ended() const { return ended_; }
    /// False: the hard limit ended the run; requests in flight then are in no number.
    [[nodiscard]] bool complete() const { return complete_; }
    /// How late requests on new connections were begun: our own fault, not the server's.
    [[nodiscard]] const Histogram& lag() const { return lag_; }
    /// Connections that the server closed, by end of file or reset, while no request was in flight:
    /// its right, and no failure.
    [[nodiscard]] std::uint64_t idle_closed() const { return idle_closed_; }
    [[nodiscard]] std::uint64_t keep_alive_connections() const { return keep_alive_connections_; }

private:
    using Key = std::uint64_t; ///< of a client; never used twice
    using Clients = std::unordered_map<Key, Client>;

    Result<void> set_up();
    Result<void> wait(Instant until);
    void start_due_requests();
    void on_signal();
    void on_control();
    void on_command(const std::string& line);
    void on_alarm(Key key);
    void on_event(Key key, std::uint32_t events);

    void begin_request(Key key, Client& client);
    bool connect(Key key, Client& client);
    void send_request(Key key, Client& client);
    void receive(Key key, Client& client);
    void on_idle_event(Key key, Client& client);
    bool connection_is_stale(const Client& client) const;
    void succeed(Key key, Client& client);
    void fail(Key key, Client& client, Failure failure, std::string detail);
    void fail_connect(Key key, Client& client, int error);
    void fail_closed(Key key, Client& client, const std::string& how);
    void finish(Key key, Client& client);
    void set_alarm(Key key, Client& client, Instant at);
    [[nodiscard]] std::uint64_t busy() const { return busy_; }
    [[nodiscard]] Instant next_wakeup() const;
    [[nodiscard]] Instant fresh_due() const;

    const Options& options_;
    Statistics statistics_;
    Histogram lag_;
    UniqueFd epoll_;
    UniqueFd signals_;
    sockaddr_storage address_{};
    socklen_t address_size_ = 0;
    std::string fresh_request_;
    std::string keep_alive_request_;
    std::string control_line_;
    Clients clients_;
    std::set<std::pair<Instant, Key>> alarms_;
    Key next_key_;
    Instant started_;
    Instant ended_;
    std::uint64_t fresh_begun_ = 0;
    std::uint64_t fresh_open_ = 0;
    std::uint64_t busy_ = 0; ///< clients with a request in flight
    std::uint64_t idle_closed_ = 0;
    std::uint64_t keep_alive_connections_ = 0;
    bool stopping_ = false;
    bool complete_ = true;
};

} // namespace svc::loadgen
