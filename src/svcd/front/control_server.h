// The control socket: accepts clients, bounds their number, tells who they are.
#pragma once

#include "svcd/front/control_session.h"

#include "base/unique_fd.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace svc::daemon {

/// Bounds of all clients together. A test makes them small.
struct ServerLimits {
    std::size_t clients = 256;
    /// Of those, kept for clients that may change things: who may only look cannot lock out who
    /// must act.
    std::size_t reserved = 16;
    /// A client that has been idle, or has not taken its replies, for so long gives way when its
    /// place is needed. Until then it may stay: an idle connection costs nothing.
    Duration yields_after = std::chrono::seconds(5);
    SessionLimits session;
};

class ControlServer {
public:
    /// `handler` must outlive the server.
    ControlServer(boost::asio::io_context& io, CallHandler& handler, Authority authority,
                  ServerLimits limits = {});
    ~ControlServer();

    /// Binds `path` (a file there is stale: the caller holds the service's lock) and listens.
    /// Everyone who reaches the directory may connect, since everyone may look.
    Result<void> listen(const std::string& path);
    /// Goes on with the socket that an earlier supervisor listened on: who connected meanwhile waits in its
    /// queue. False: it is none, or its path is gone; listen() then.
    [[nodiscard]] bool resume(const std::string& path, UniqueFd socket);
    /// Goes on with clients that another program in this process had. After resume() or listen().
    void take_over(std::vector<std::pair<UniqueFd, Unfinished>> clients);
    /// The clients that another program can go on with, by their connections.
    [[nodiscard]] std::vector<std::pair<int, Unfinished>> carried() const;
    [[nodiscard]] int fd() { return acceptor_.is_open() ? acceptor_.native_handle() : -1; }
    /// Accepts nobody any more and lets each client go once it has what is queued for it; then
    /// calls `gone`, if the server still exists.
    void finish(std::function<void()> gone);
    [[nodiscard]] std::size_t clients() const { return sessions_.size(); }

private:
    boost::asio::awaitable<void> accept();
    void close();
    void start();
    std::optional<Peer> identify(ControlSession::Socket& socket);
    /// Gives it a place, or tells it that there is none.
    void admit(ControlSession::Socket socket);
    void open_session(ControlSession::Socket socket, Peer peer, Unfinished before);
    /// Makes room by dropping the client that was quiet longest; false if none may be dropped.
    bool evict(bool for_one_that_may_change);
    void remove(ControlSession& session);

    boost::asio::io_context& io_;
    CallHandler& handler_;
    Authority authority_;
    ServerLimits limits_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::steady_timer pause_; ///< after an accept that failed for want of descriptors
    std::string path_;
    /// Of accept(), which is resumed once more after we are gone.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::function<void()> all_gone_;
    std::map<ControlSession*, std::shared_ptr<ControlSession>> sessions_;
};

} // namespace svc::daemon
