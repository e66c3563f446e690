// The life of one request: Client::Phase in generator.h.
#include "loadgen/generator.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>

namespace svc::loadgen {

namespace {

/// Zero: connected.
int connect_error(int connection) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return errno;
    return error;
}

} // namespace

void Generator::begin_request(Key key, Client& client) {
    ++busy_;
    client.sent = 0;
    client.response = ResponseParser{};
    set_alarm(key, client, now() + options_.timeout);
    // As every good client does: look before using an old connection again. What a look cannot
    // see, because it happens after it, is the race.
    if (client.connection && connection_is_stale(client)) {
        ++idle_closed_;
        client.connection.reset();
    }
    if (client.connection) {
        client.phase = Client::Phase::exchanging;
        return send_request(key, client);
    }
    client.reused = false;
    if (client.kind == Kind::keep_alive)
        ++keep_alive_connections_;
    if (connect(key, client))
        send_request(key, client);
}

/// True: connected at once. False: it takes its time, or it failed and the client may be gone.
bool Generator::connect(Key key, Client& client) {
    client.connection.reset(
        ::socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!client.connection) {
        fail_connect(key, client, errno);
        return false;
    }
    client.phase = Client::Phase::connecting;
    const auto* const address = reinterpret_cast<const sockaddr*>(&address_);
    const bool connected = ::connect(client.connection.get(), address, address_size_) == 0;
    if (!connected && errno != EINPROGRESS) {
        fail_connect(key, client, errno);
        return false;
    }
    // Edge-triggered and once for all: each readiness is reported when it comes, and every handler
    // goes on until EAGAIN.
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = key}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client.connection.get(), &event) < 0) {
        fail_connect(key, client, errno);
        return false;
    }
    if (connected)
        client.phase = Client::Phase::exchanging;
    return connected;
}

void Generator::on_event(Key key, std::uint32_t events) {
    const auto found = clients_.find(key);
    if (found == clients_.end() || !found->second.connection)
        return; // ended earlier in this batch of events
    Client& client = found->second;
    switch (client.phase) {
    case Client::Phase::idle:
        return on_idle_event(key, client);
    case Client::Phase::connecting:
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
            return;
        if (const int error = connect_error(client.connection.get()); error != 0)
            return fail_connect(key, client, error);
        client.phase = Client::Phase::exchanging;
        return send_request(key, client);
    case Client::Phase::exchanging:
        if (client.sent <
            (client.kind == Kind::fresh ? fresh_request_ : keep_alive_request_).size())
            return send_request(key, client);
        return receive(key, client);
    }
}

bool Generator::connection_is_stale(const Client& client) const {
    char byte = 0;
    const ssize_t count = ::recv(client.connection.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count >= 0 || (errno != EAGAIN && errno != EINTR);
}

void Generator::on_idle_event(Key, Client& client) {
    if (!connection_is_stale(client))
        return;
    ++idle_closed_;
    client.connection.reset();
}

void Generator::send_request(Key key, Client& client) {
    const std::string& request = client.kind == Kind::fresh ? fresh_request_ : keep_alive_request_;
    const ssize_t count = ::send(client.connection.get(), request.data() + client.sent,
                                 request.size() - client.sent, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count < 0)
        return fail_closed(key, client, std::strerror(errno));
    client.sent += static_cast<std::size_t>(count);
    if (client.sent == request.size())
        receive(key, client);
}

void Generator::receive(Key key, Client& client) {
    std::array<char, 16 * 1024> buffer;
    while (!client.response.done()) {
        const ssize_t count = ::recv(client.connection.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return;
        if (count < 0)
            return fail_closed(key, client, std::strerror(errno));
        if (count > 0) {
            client.response.feed({buffer.data(), static_cast<std::size_t>(count)});
            continue;
        }
        client.response.end_of_stream();
        if (!client.response.done())
            return fail_closed(key, client, "end of file");
    }
    if (client.response.state() == ResponseParser::State::bad)
        return fail(key, client, Failure::bad_response, client.response.complaint());
    if (client.response.status() >= 400)
        return fail(key, client, Failure::bad_response,
                    "status " + std::to_string(client.response.status()));
    succeed(key, client);
}

void Generator::succeed(Key key, Client& client) {
    statistics_.success(client.kind, client.intended, now());
    if (!client.response.keep_alive())
        client.connection.reset();
    client.reused = true;
    finish(key, client);
}

void Generator::fail_connect(Key key, Client& client, int error) {
    fail(key, client, error == ECONNREFUSED ? Failure::refused : Failure::connect_failed,
         std::strerror(error));
}

void Generator::fail_closed(Key key, Client& client, const std::string& how) {
    Failure failure = Failure::cut_in_response;
    if (!client.response.started())
        failure = client.reused ? Failure::idle_close_race : Failure::closed_before_response;
    fail(key, client, failure, how);
}

void Generator::fail(Key key, Client& client, Failure failure, std::string detail) {
    statistics_.failure(client.kind, client.intended, now(), failure, std::move(detail));
    client.connection.reset();
    finish(key, client);
}

/// The request in hand has ended. Afterwards `client` is gone, unless it is a persistent one.
void Generator::finish(Key key, Client& client) {
    --busy_;
    if (client.kind == Kind::fresh) {
        --fresh_open_;
        alarms_.erase({client.alarm, key});
        clients_.erase(key);
        return;
    }
    client.phase = Client::Phase::idle;
    const auto period = Duration(static_cast<std::int64_t>(1e6 / options_.keep_alive_rate));
    client.intended += period;
    if (stopping_)
        alarms_.erase({client.alarm, key});
    else
        set_alarm(key, client, client.intended); // already past: at the next turn of the loop
}

} // namespace svc::loadgen
