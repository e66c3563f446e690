// The life of one connection: Connection::Phase in server.h.
#include "http.h"
#include "server.h"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace web {

namespace {

using Phase = Connection::Phase;

constexpr std::chrono::seconds write_limit(30);
constexpr std::chrono::seconds linger_limit(2);

std::uint32_t wanted_events(Phase phase) {
    switch (phase) {
    case Phase::reading:
    case Phase::lingering:
        return EPOLLIN;
    case Phase::waiting:
        return 0; // errors and hang-ups are reported all the same
    case Phase::writing:
        return EPOLLOUT;
    }
    return 0;
}

} // namespace

void Server::watch(Key key, const Connection& connection, int operation) {
    epoll_event event{.events = wanted_events(connection.phase), .data = {.u64 = key}};
    if (::epoll_ctl(epoll_.get(), operation, connection.fd.get(), &event) < 0)
        fail_errno("cannot watch a connection");
}

void Server::enter(Key key, Connection& connection, Phase phase, Clock::duration limit) {
    const bool changed = wanted_events(connection.phase) != wanted_events(phase);
    connection.phase = phase;
    if (changed)
        watch(key, connection, EPOLL_CTL_MOD);
    deadlines_.erase({connection.deadline, key});
    connection.deadline = Clock::now() + limit;
    deadlines_.emplace(connection.deadline, key);
}

void Server::forget(Key key) {
    const auto found = connections_.find(key);
    deadlines_.erase({found->second.deadline, key});
    connections_.erase(found); // nobody else holds this socket: close() takes it out of epoll
}

void Server::on_connection(Key key, std::uint32_t events) {
    const auto found = connections_.find(key);
    if (found == connections_.end())
        return; // forgotten earlier in this batch of events
    Connection& connection = found->second;
    switch (connection.phase) {
    case Phase::reading:
    case Phase::lingering:
        return take_input(key);
    case Phase::waiting:
        if (events & (EPOLLERR | EPOLLHUP))
            forget(key);
        return;
    case Phase::writing:
        return send_output(key, connection);
    }
}

void Server::on_connection_deadline(Key key) {
    Connection& connection = connections_.at(key);
    switch (connection.phase) {
    case Phase::reading: {
        // A last look: the request may have come while we were busy with other connections.
        take_input(key);
        const auto found = connections_.find(key);
        if (found == connections_.end() || found->second.phase != Phase::reading ||
            found->second.deadline > Clock::now())
            return;
        return linger(key, found->second);
    }
    case Phase::waiting:
        return answer(key, connection);
    case Phase::writing:
    case Phase::lingering:
        return forget(key);
    }
}

/// Reads what is there, once. In `lingering` it is thrown away.
void Server::take_input(Key key) {
    Connection& connection = connections_.at(key);
    char buffer[longest_request];
    const ssize_t count = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return forget(key); // the client has closed, or is gone
    if (connection.phase == Phase::lingering)
        return;
    // A request has begun on a connection whose idle time was nearly over: it gets its full time.
    if (draining_ && connection.input.empty())
        enter(key, connection, Phase::reading, request_limit);
    connection.input.append(buffer, static_cast<std::size_t>(count));
    take_request(key, connection);
}

void Server::take_request(Key key, Connection& connection) {
    const Parsed parsed = parse_request(connection.input);
    switch (parsed.outcome) {
    case Parsed::Outcome::incomplete:
        return;
    case Parsed::Outcome::refused:
        connection.status = parsed.status;
        connection.keep_alive = false;
        connection.input.clear();
        return answer(key, connection);
    case Parsed::Outcome::complete:
        break;
    }
    const Request& request = parsed.request;
    connection.head = request.method == "HEAD";
    const bool known_method = request.method == "GET" || connection.head;
    connection.status = !known_method ? 405 : request.target == "/" ? 200 : 404;
    connection.keep_alive = request.keep_alive;
    connection.input.erase(0, parsed.length);
    // The delay passes as a deadline, not as a sleep: one slow answer must not stop the others.
    if (options_.request_delay.count() == 0)
        return answer(key, connection);
    enter(key, connection, Phase::waiting, options_.request_delay);
}

/// Whether the connection lives on is decided here, at the last moment, so that a request which was
/// in flight when SIGTERM came is answered with `Connection: close`.
void Server::answer(Key key, Connection& connection) {
    connection.close_after = draining_ || !connection.keep_alive;
    const std::string text = connection.status == 200 ? body_ : "no\n";
    connection.output =
        format_response(connection.status, text, !connection.close_after, connection.head);
    connection.sent = 0;
    send_output(key, connection);
}

void Server::send_output(Key key, Connection& connection) {
    const std::string_view rest = std::string_view(connection.output).substr(connection.sent);
    const ssize_t count = ::send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
        return forget(key);
    connection.sent += count < 0 ? 0 : static_cast<std::size_t>(count);
    if (connection.sent < connection.output.size())
        return enter(key, connection, Phase::writing, write_limit);
    if (connection.close_after)
        return linger(key, connection);
    enter(key, connection, Phase::reading, request_limit);
    if (!connection.input.empty()) // the client did not wait for our answer (pipelining)
        take_request(key, connection);
}

void Server::linger(Key key, Connection& connection) {
    ::shutdown(connection.fd.get(), SHUT_WR);
    enter(key, connection, Phase::lingering, linger_limit);
}

} // namespace web
