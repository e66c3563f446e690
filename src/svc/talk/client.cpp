#include "svc/talk/client.h"

#include "os/clock.h"
#include "svc/talk/own_supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace svc::cli {
namespace {

/// How long a supervisor may leave a connection in its backlog.
constexpr timeval connect_patience{.tv_sec = 5, .tv_usec = 0};

Error explain_connect(const std::string& path, const std::string& service, int error) {
    const std::string start =
        "start it with `systemctl start svcd@" + service + "`, or `svcd FILE.toml`";
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return {"no supervisor of " + service + ": " + path + " does not exist; " + start, ENOENT};
    case ECONNREFUSED:
        return {"the supervisor of " + service + " does not run: " + path +
                    " is what one that was killed left behind; " + start,
                ECONNREFUSED};
    case EACCES:
    case EPERM:
        return {"not allowed to reach the supervisor of " + service + " at " + path +
                    ": run svc as root, as the supervisor's user, or as a member of its control "
                    "group",
                EACCES};
    case EAGAIN:
        return {"the supervisor of " + service + " takes no connections at " + path +
                    ": it hangs or is stopped; look at its log",
                EAGAIN};
    }
    return system_error("cannot connect to the supervisor of " + service + " at " + path, error);
}

/// connect(2) to a path of any length: a socket's address holds 107 bytes, /proc/self/fd/N any
/// directory.
int connect_to(int socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string short_path = path;
    UniqueFd directory;
    const auto slash = path.rfind('/');
    if (path.size() >= sizeof address.sun_path && slash != std::string::npos) {
        directory.reset(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!directory)
            return errno;
        short_path = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(slash);
    }
    if (short_path.size() >= sizeof address.sun_path)
        return ENAMETOOLONG;
    std::memcpy(address.sun_path, short_path.data(), short_path.size());
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    return ::connect(socket, generic, sizeof address) == 0 ? 0 : errno;
}

/// For poll(2): rounded up, so that it does not return just before the deadline again and again.
int milliseconds_until(std::optional<Instant> deadline) {
    if (!deadline)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - os::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

} // namespace

Result<Client> Client::connect(const std::string& path, const std::string& service, int interrupt) {
    return connect(path, service, interrupt, false);
}

Result<Client> Client::connect_at_once(const std::string& path, const std::string& service) {
    return connect(path, service, -1, true);
}

Result<Client> Client::connect(const std::string& path, const std::string& service, int interrupt,
                               bool at_once) {
    UniqueFd socket(
        ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (at_once ? SOCK_NONBLOCK : 0), 0));
    if (!socket)
        return system_error("cannot make a socket", errno);
    // On a unix socket it bounds connect(2), too, which waits while the backlog is full (unix(7)).
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &connect_patience,
                     sizeof connect_patience) != 0)
        return system_error("cannot set a socket's timeout", errno);
    if (const int error = connect_to(socket.get(), path))
        return explain_connect(path, service, error);
    if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0)
        return system_error("cannot make a socket non-blocking", errno);
    auto supervisor = watch_own_supervisor(service);
    if (!supervisor)
        return supervisor.error();
    return Client(std::move(socket), service, interrupt, std::move(*supervisor));
}

Error Client::hung_up() const {
    return {"the supervisor of " + service_ + " hung up before it answered; look at its log",
            ECONNRESET};
}

Result<void> Client::wait_for(short events, std::optional<Instant> deadline) {
    std::array<pollfd, 3> fds{pollfd{socket_.get(), events, 0}, pollfd{interrupt_, POLLIN, 0},
                              pollfd{supervisor_.get(), POLLIN, 0}};
    for (;;) {
        const int ready = ::poll(fds.data(), fds.size(), milliseconds_until(deadline));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return system_error("cannot wait for the supervisor", errno);
        if (ready == 0)
            return Error{"the supervisor of " + service_ +
                             " did not answer in time: it hangs or is stopped; look at its log",
                         ETIMEDOUT};
        // What was said before the interruption still counts.
        if (fds[0].revents != 0)
            return {};
        if (fds[2].revents != 0)
            return Error{"the supervisor of " + service_ + " has died; systemd starts it again",
                         ESRCH};
        return Error{"interrupted", EINTR};
    }
}

Result<void> Client::send(const wire::VarlinkCall& call, std::optional<Instant> deadline) {
    const std::string message = wire::encode(call);
    std::string_view rest = message;
    while (!rest.empty()) {
        const auto sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            rest.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return hung_up();
        if (errno != EAGAIN && errno != EINTR)
            return system_error("cannot write to the supervisor of " + service_, errno);
        if (auto waited = wait_for(POLLOUT, deadline); !waited)
            return waited;
    }
    return {};
}

Result<wire::VarlinkReply> Client::receive(std::optional<Instant> deadline) {
    std::array<char, 16384> bytes;
    for (;;) {
        if (const auto message = buffer_.next()) {
            auto reply = wire::decode_reply(*message);
            if (!reply)
                return Error{"the supervisor of " + service_ +
                                 " sent what is no reply: " + reply.error().message,
                             EPROTO};
            return reply;
        }
        if (auto waited = wait_for(POLLIN, deadline); !waited)
            return waited.error();
        const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return hung_up();
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return system_error("cannot read from the supervisor of " + service_, errno);
        if (got < 0)
            continue;
        if (auto taken = buffer_.append({bytes.data(), static_cast<std::size_t>(got)}); !taken)
            return Error{"the supervisor of " + service_ +
                             " sent too much: " + taken.error().message,
                         EPROTO};
    }
}

} // namespace svc::cli
