#include "svcd/front/control_server.h"

#include "os/clock.h"
#include "wire/control.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::daemon {

namespace asio = boost::asio;
using asio::local::stream_protocol;

ControlServer::ControlServer(asio::io_context& io, CallHandler& handler, Authority authority,
                             ServerLimits limits)
    : io_(io), handler_(handler), authority_(authority), limits_(limits), acceptor_(io),
      pause_(io) {}

ControlServer::~ControlServer() {
    close();
    const auto left = std::exchange(sessions_, {});
    for (const auto& [key, session] : left) {
        session->drop({});
        session->abandon();
    }
}

Result<void> ControlServer::listen(const std::string& path) {
    const auto failed = [&](const boost::system::error_code& error) {
        return system_error("cannot open the control socket " + path, error.value());
    };
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return system_error("cannot remove the stale control socket " + path, errno);
    boost::system::error_code error;
    acceptor_.open(stream_protocol(), error);
    if (error)
        return failed(error);
    acceptor_.bind(stream_protocol::endpoint(path), error);
    if (error)
        return failed(error);
    path_ = path;
    // connect(2) to a unix socket needs write permission on its file: see unix(7).
    if (::chmod(path.c_str(), 0666) != 0)
        return system_error("cannot set the mode of the control socket " + path, errno);
    acceptor_.listen(SOMAXCONN, error);
    if (error)
        return failed(error);
    start();
    return {};
}

bool ControlServer::resume(const std::string& path, UniqueFd socket) {
    struct stat status {};
    if (!socket || ::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    boost::system::error_code error;
    acceptor_.assign(stream_protocol(), socket.get(), error);
    if (error)
        return false;
    static_cast<void>(socket.release());
    const auto bound = acceptor_.local_endpoint(error);
    if (error || bound.path() != path) {
        acceptor_.close(error);
        return false;
    }
    path_ = path;
    start();
    return true;
}

void ControlServer::take_over(std::vector<std::pair<UniqueFd, Unfinished>> clients) {
    for (auto& [connection, unfinished] : clients) {
        ControlSession::Socket socket(io_);
        boost::system::error_code error;
        socket.assign(stream_protocol(), connection.get(), error);
        if (error)
            continue;
        static_cast<void>(connection.release());
        // They have their places. In another order than they came they might not all get one again, and who is
        // refused would find the refusal in the middle of a reply.
        if (auto peer = identify(socket))
            open_session(std::move(socket), std::move(*peer), std::move(unfinished));
    }
}

std::vector<std::pair<int, Unfinished>> ControlServer::carried() const {
    std::vector<std::pair<int, Unfinished>> clients;
    for (const auto& [key, session] : sessions_)
        if (auto unfinished = session->unfinished())
            clients.emplace_back(session->fd(), std::move(*unfinished));
    return clients;
}

void ControlServer::start() {
    boost::system::error_code error;
    acceptor_.non_blocking(true, error);
    auto accepting = [this]() -> asio::awaitable<void> { co_await accept(); };
    asio::co_spawn(io_, accepting, asio::detached);
}

void ControlServer::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    if (!path_.empty())
        ::unlink(path_.c_str());
    path_.clear();
}

void ControlServer::finish(std::function<void()> gone) {
    all_gone_ = std::move(gone);
    close();
    const auto present = sessions_; // finish() may remove the session from the map
    for (const auto& [key, session] : present)
        session->finish();
    if (sessions_.empty() && all_gone_)
        asio::post(io_, std::exchange(all_gone_, nullptr));
}

asio::awaitable<void> ControlServer::accept() {
    const std::weak_ptr<bool> alive = alive_;
    while (!alive.expired() && acceptor_.is_open()) {
        auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
        if (alive.expired() || !acceptor_.is_open())
            break;
        if (!error) {
            admit(std::move(socket));
            continue;
        }
        if (error == asio::error::connection_aborted)
            continue;
        // Out of descriptors or memory: the client stays in the backlog and accept(2) would fail
        // again at once, so wait instead of spinning.
        spdlog::warn("cannot accept a control client: {}", error.message());
        evict(true);
        pause_.expires_after(std::chrono::milliseconds(200));
        auto [ignored] = co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

std::optional<Peer> ControlServer::identify(ControlSession::Socket& socket) {
    // Asio does not. A client that is not carried over must see the end of its connection when another program
    // goes on in this process.
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    auto peer = peer_of(socket.native_handle());
    if (!peer) {
        spdlog::warn("{}", peer.error().message);
        return std::nullopt;
    }
    return std::move(*peer);
}

void ControlServer::admit(ControlSession::Socket socket) {
    auto peer = identify(socket);
    if (!peer)
        return;
    const bool privileged = may_change(*peer, authority_);
    const std::size_t places = privileged
                                   ? limits_.clients
                                   : limits_.clients - std::min(limits_.reserved, limits_.clients);
    if (sessions_.size() >= places && !evict(privileged)) {
        wire::VarlinkReply busy;
        busy.error = wire::control_error::busy;
        wire::Refusal why;
        why.message = "too many clients are connected to this supervisor; try again in a few "
                      "seconds";
        busy.parameters = wire::to_json(why);
        const std::string bytes = wire::encode(busy);
        // A fresh socket's buffer takes this; if it does not, the close says the same.
        boost::system::error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(bytes), ignored);
        return;
    }
    open_session(std::move(socket), std::move(*peer), {});
}

void ControlServer::open_session(ControlSession::Socket socket, Peer peer, Unfinished before) {
    const bool privileged = may_change(peer, authority_);
    auto session = std::make_shared<ControlSession>(
        std::move(socket), std::move(peer), privileged, handler_, limits_.session,
        [this](ControlSession& closed) { remove(closed); });
    sessions_.emplace(session.get(), session);
    session->start(std::move(before));
}

bool ControlServer::evict(bool for_one_that_may_change) {
    const Instant now = os::now();
    ControlSession* chosen = nullptr;
    for (const auto& [key, session] : sessions_) {
        if (!(session->idle() || session->stuck()) ||
            now - session->active_at() < limits_.yields_after)
            continue;
        if (session->may_change() && !for_one_that_may_change)
            continue;
        // Who may only look goes first, then who was quiet longest.
        const auto rank = [](const ControlSession& one) {
            return std::pair(one.may_change(), one.active_at());
        };
        if (chosen == nullptr || rank(*session) < rank(*chosen))
            chosen = session.get();
    }
    if (chosen == nullptr)
        return false;
    chosen->drop("its place was needed");
    return true;
}

void ControlServer::remove(ControlSession& session) {
    if (sessions_.erase(&session) == 0 || !sessions_.empty() || !all_gone_)
        return;
    // Posted: this is called from the middle of a session's own work.
    asio::post(io_, std::exchange(all_gone_, nullptr));
}

} // namespace svc::daemon
