#include "server.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

namespace web {

namespace {

// Keys below the connections': listeners have 0, 1, 2 …
constexpr std::uint64_t signal_key = 1U << 20;
constexpr std::uint64_t exit_key = signal_key + 1;
constexpr std::uint64_t crash_key = signal_key + 2;
constexpr std::uint64_t first_connection_key = signal_key + 3;

constexpr std::size_t accepts_in_a_row = 16; // then the connections that we have get their turn
constexpr std::size_t last_accepts = 4096;
constexpr std::chrono::milliseconds listener_rest(50);

std::string from_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "-" : value;
}

} // namespace

Server::Server(const Options& options, std::vector<Listener> listeners, Supervisor& supervisor,
               const Timeline& timeline)
    : options_(options), listeners_(std::move(listeners)), supervisor_(supervisor),
      timeline_(timeline), epoll_(::epoll_create1(EPOLL_CLOEXEC)), next_key_(first_connection_key) {
    body_ = "version " + options_.version_label + "\npid " + std::to_string(::getpid()) +
            "\nrevision " + from_environment("SVC_REVISION") + "\nreplica " +
            from_environment("SVC_REPLICA") + "\n";

    // A signal as a readable fd: it is handled between two requests, never in the middle of one.
    sigset_t stop;
    ::sigemptyset(&stop);
    ::sigaddset(&stop, SIGTERM);
    ::sigaddset(&stop, SIGINT);
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    signals_ = Fd(::signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC));
    epoll_event event{.events = EPOLLIN, .data = {.u64 = signal_key}};
    if (!epoll_ || !signals_ ||
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals_.get(), &event) < 0)
        fail_errno("cannot set up the event loop");
    for (Key key = 0; key < listeners_.size(); ++key)
        add_listener(key);
}

void Server::run() {
    announce_ready();
    while (!draining_ || !connections_.empty())
        wait_and_dispatch();
}

/// Ready means: a request that arrives now is answered. From the next moment on the supervisor may
/// tell the old version to go, so nothing that can fail may come after this.
void Server::announce_ready() {
    const Misbehaviour& bad = options_.misbehaviour;
    if (!bad.never_ready)
        supervisor_.tell("READY=1\nSTATUS=serving version " + options_.version_label);
    timeline_.record("ready");
    for (const Listener& listener : listeners_) {
        if (bad.shutdown_listener)
            ::shutdown(listener.fd.get(), SHUT_RDWR);
        if (bad.listen_backlog)
            ::listen(listener.fd.get(), *bad.listen_backlog);
    }
    if (bad.exit_after)
        deadlines_.emplace(Clock::now() + *bad.exit_after, exit_key);
    if (bad.crash_after_ready)
        deadlines_.emplace(Clock::now() + *bad.crash_after_ready, crash_key);
}

void Server::wait_and_dispatch() {
    timespec timeout{};
    if (!deadlines_.empty()) {
        const auto left = std::max(deadlines_.begin()->first - Clock::now(), Clock::duration{});
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        timeout.tv_sec = seconds.count();
        timeout.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
    }
    std::array<epoll_event, 64> events{};
    const int count = ::epoll_pwait2(epoll_.get(), events.data(), events.size(),
                                     deadlines_.empty() ? nullptr : &timeout, nullptr);
    if (count < 0 && errno != EINTR)
        fail_errno("epoll_pwait2");
    for (int i = 0; i < count; ++i) {
        const Key key = events[i].data.u64;
        if (key == signal_key)
            on_signal();
        else if (key >= first_connection_key)
            on_connection(key, events[i].events);
        else if (!draining_)
            accept_some(key, accepts_in_a_row);
    }
    const Instant now = Clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const Key key = deadlines_.begin()->second;
        deadlines_.erase(deadlines_.begin());
        on_deadline(key);
    }
}

void Server::on_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) < 0)
        return;
    if (options_.misbehaviour.ignore_term) {
        std::fputs("example-web: asked to stop, going on (--ignore-term)\n", stderr);
        return;
    }
    if (!draining_)
        start_draining();
}

void Server::on_deadline(Key key) {
    if (key == exit_key)
        std::exit(0);
    if (key == crash_key)
        std::abort();
    if (key >= first_connection_key)
        on_connection_deadline(key);
    else if (!draining_)
        add_listener(key); // it has rested
}

/// Without EPOLLEXCLUSIVE, on purpose. It would wake one worker a connection instead of all; but if
/// that worker dies, or closes its listener, between the wakeup and accept(), nobody else is told,
/// and the connection waits until the next one comes.
void Server::add_listener(Key key) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = key}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listeners_[key].fd.get(), &event) < 0)
        fail_errno("cannot watch a listener");
}

void Server::accept_some(Key key, std::size_t most) {
    // On a blocking listener only poll's word for the first one counts.
    if (listeners_[key].blocking)
        most = 1;
    for (std::size_t i = 0; i < most; ++i) {
        Fd fd = accept_connection(listeners_[key]);
        if (!fd) {
            // ECONNABORTED: the client left while it was queued. EAGAIN: another worker was faster.
            // Anything else stays true for a while: no fds left (EMFILE, ENFILE), no memory, or
            // somebody shut the shared socket down (EINVAL). Level-triggered epoll would spin.
            if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR && !draining_)
                rest(key);
            return;
        }
        const Key connection_key = next_key_++;
        Connection& connection = connections_[connection_key];
        connection.fd = std::move(fd);
        watch(connection_key, connection, EPOLL_CTL_ADD);
        enter(connection_key, connection, Connection::Phase::reading, request_limit);
        take_input(connection_key); // the request is often there already
    }
}

/// Looks away from a listener for a moment.
void Server::rest(Key key) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listeners_[key].fd.get(), nullptr);
    deadlines_.emplace(Clock::now() + listener_rest, key);
}

void Server::start_draining() {
    draining_ = true;
    timeline_.record("term");
    supervisor_.tell("STOPPING=1\nSTATUS=draining " + std::to_string(connections_.size()) +
                     " connections");
    for (Key key = 0; key < listeners_.size(); ++key)
        close_listener(key);
    for (auto& [key, connection] : connections_) {
        if (connection.phase == Connection::Phase::reading && connection.input.empty())
            enter(key, connection, Connection::Phase::reading, options_.drain);
    }
}

void Server::close_listener(Key key) {
    Listener& listener = listeners_[key];
    // Out of the epoll set first: close() alone does not do that for a socket that others hold, and
    // we would be woken for connections that we no longer want.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
    // Ours alone: what is queued would be reset by the close.
    if (!listener.shared)
        accept_some(key, last_accepts);
    listener.fd.close();
}

} // namespace web
