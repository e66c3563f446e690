#include "listeners.h"

#include "worker.h"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>

namespace web {

namespace {

constexpr int first_fd = 3; // SD_LISTEN_FDS_START
constexpr int most_fds = 4096;

std::optional<int> parse_number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0)
        return std::nullopt;
    return value;
}

int socket_option(int fd, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

Listener adopt(int fd) {
    if (socket_option(fd, SO_ACCEPTCONN) != 1 || socket_option(fd, SO_TYPE) != SOCK_STREAM)
        fail("inherited fd " + std::to_string(fd) + " is not a listening stream socket");
    // Inherited without close-on-exec, or it would not be here; our own children must not have it.
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    const bool blocking = (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    return Listener{.fd = Fd(fd), .shared = true, .blocking = blocking};
}

/// LISTEN_FDS=2: fds 3 and 4. LISTEN_PID names the process they are meant for; without it (some
/// supervisors leave it out for commands behind a forking wrapper) we take them.
std::vector<int> listen_fds() {
    const char* const count_text = std::getenv("LISTEN_FDS");
    const char* const pid_text = std::getenv("LISTEN_PID");
    std::vector<int> fds;
    const bool for_us = pid_text == nullptr || parse_number(pid_text) == ::getpid();
    if (count_text != nullptr && for_us) {
        const auto count = parse_number(count_text);
        if (!count || *count > most_fds)
            fail(std::string("LISTEN_FDS=") + count_text + " is not a count of sockets");
        for (int fd = first_fd; fd < first_fd + *count; ++fd)
            fds.push_back(fd);
    }
    for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
        ::unsetenv(name);
    return fds;
}

/// SERVER_STARTER_PORT="127.0.0.1:8080=3;/run/web.sock=4".
std::vector<int> server_starter_fds() {
    const char* const ports = std::getenv("SERVER_STARTER_PORT");
    std::vector<int> fds;
    std::string_view rest = ports == nullptr ? "" : ports;
    while (!rest.empty()) {
        const std::string_view entry = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
        const auto equals = entry.rfind('=');
        const auto fd = equals == std::string_view::npos ? std::nullopt
                                                         : parse_number(entry.substr(equals + 1));
        if (!fd)
            fail(std::string("cannot read SERVER_STARTER_PORT=") + ports);
        fds.push_back(*fd);
    }
    ::unsetenv("SERVER_STARTER_PORT");
    return fds;
}

sockaddr_in parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    const std::string host = colon == std::string::npos ? "0.0.0.0" : text.substr(0, colon);
    const auto port =
        parse_number(std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (!port || *port > 65535 || ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
        fail("--listen " + text + ": write HOST:PORT or PORT, the host as an IPv4 address");
    address.sin_port = htons(static_cast<std::uint16_t>(*port));
    return address;
}

/// Interrupts accept() on a blocking listener. poll said "readable", but another worker may have
/// taken the connection since, and then accept() would sleep until the next one comes while every
/// request that we already have waits. O_NONBLOCK would be the cure, but the flag is shared with
/// processes that may rely on its absence: the place to set it is where the socket is made
/// (`nonblock = true` in the service file). The timer repeats, because its first signal may come
/// just before accept() begins to wait.
class Interruption {
public:
    Interruption() {
        struct sigaction action {};
        action.sa_handler = [](int) {}; // without SA_RESTART: accept() returns EINTR
        ::sigaction(SIGALRM, &action, nullptr);
        set(patience);
    }
    ~Interruption() { set(0); }
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

private:
    static constexpr int patience = 1000; // microseconds
    static void set(int microseconds) {
        const itimerval timer{{0, microseconds}, {0, microseconds}};
        ::setitimer(ITIMER_REAL, &timer, nullptr);
    }
};

} // namespace

std::vector<Listener> inherited_listeners() {
    std::vector<int> fds = listen_fds();
    if (fds.empty())
        fds = server_starter_fds();
    std::vector<Listener> listeners;
    for (const int fd : fds)
        listeners.push_back(adopt(fd));
    return listeners;
}

Listener open_listener(const std::string& text) {
    const sockaddr_in address = parse_address(text);
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int yes = 1;
    // Without it the connections of our last run, in TIME_WAIT, would keep the port (socket(7)).
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
        fail_errno("cannot make a socket for " + text);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
        ::listen(fd.get(), SOMAXCONN) < 0)
        fail_errno("cannot listen at " + text);
    return Listener{.fd = std::move(fd)};
}

Fd accept_connection(const Listener& listener) {
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (!listener.blocking)
        return Fd(::accept4(listener.fd.get(), nullptr, nullptr, flags));
    const Interruption interruption;
    Fd connection(::accept4(listener.fd.get(), nullptr, nullptr, flags));
    if (!connection && errno == EINTR)
        errno = EAGAIN;
    return connection;
}

} // namespace web
