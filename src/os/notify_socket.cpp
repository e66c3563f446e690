#include "os/notify_socket.h"

#include "os/remedy.h"
#include "os/unix_path.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr std::size_t datagram_limit = 4096;
constexpr std::size_t fd_limit = 253; // SCM_MAX_FD, include/net/scm.h

/// What one control message holds, copied out: CMSG_DATA is not aligned for every type (cmsg(3)).
template <class T>
std::vector<T> content_of(const cmsghdr* message) {
    const std::size_t bytes = message->cmsg_len - CMSG_LEN(0);
    std::vector<T> content(bytes / sizeof(T));
    if (!content.empty())
        std::memcpy(content.data(), CMSG_DATA(message), content.size() * sizeof(T));
    return content;
}

Datagram take_apart(msghdr& header, std::string bytes) {
    Datagram datagram{.bytes = std::move(bytes)};
    for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
         message = CMSG_NXTHDR(&header, message)) {
        if (message->cmsg_level != SOL_SOCKET)
            continue;
        if (message->cmsg_type == SCM_RIGHTS) {
            for (const int fd : content_of<int>(message))
                datagram.fds.emplace_back(fd);
        } else if (message->cmsg_type == SCM_CREDENTIALS) {
            const auto credentials = content_of<ucred>(message);
            if (!credentials.empty()) {
                datagram.sender = credentials.front().pid;
                datagram.uid = credentials.front().uid;
            }
        }
    }
    // Fds beyond the room given, or beyond our limit of open files, are closed by the kernel
    // (unix(7), recvmsg(2)).
    datagram.fds_lost = (header.msg_flags & MSG_CTRUNC) != 0;
    return datagram;
}

/// The address in NOTIFY_SOCKET: a path or, with @, an abstract name (sd_notify(3)). Others
/// (vsock: of virtual machines) are refused.
std::optional<sockaddr_un> manager_address(std::string_view text, socklen_t& length) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const bool sensible = text.size() >= 2 && (text.front() == '/' || text.front() == '@');
    if (!sensible || text.size() > sizeof(address.sun_path) - 1)
        return std::nullopt;
    std::memcpy(address.sun_path, text.data(), text.size());
    if (text.front() == '@')
        address.sun_path[0] = '\0';
    // Abstract names are compared in full, so their length is exact (unix(7)).
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() +
                                    (text.front() == '@' ? 0 : 1));
    return address;
}

sockaddr_un address_of(std::string_view bytes) {
    sockaddr_un address{};
    std::memcpy(&address, bytes.data(), std::min(bytes.size(), sizeof(address)));
    return address;
}

/// All of it digits, or nothing.
template <class Number = std::size_t>
std::optional<Number> number_of(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

} // namespace

Result<UniqueFd> open_notify_socket(const std::string& path, std::optional<uid_t> owner,
                                    bool anyone) {
    const std::string shown = "the notify socket " + path;
    struct stat old {};
    if (::lstat(path.c_str(), &old) == 0 && S_ISDIR(old.st_mode))
        return Error{"cannot make " + shown + ": a directory is in its place; remove it", EISDIR};
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
        return svc::system_error("cannot remove the old file of " + shown, errno);

    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    // Before bind(2), so that no datagram can come without its sender's credentials.
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
        return svc::system_error("cannot make " + shown, errno);
    const PathAccess access{
        .mode = anyone ? mode_t{0666} : mode_t{0600}, .owner = owner, .owner_must_change = false};
    if (auto bound = bind_unix_path(fd.get(), path, access, shown); !bound)
        return bound.error();
    return fd;
}

namespace {

Result<std::optional<Datagram>> receive(int socket, int flags) {
    std::array<char, datagram_limit> bytes;
    // Room for a third message, in case the kernel adds one (SCM_SECURITY, SCM_PIDFD) that a
    // changed socket option asks for: it must not push fds out.
    alignas(cmsghdr)
        std::array<std::byte, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * fd_limit) + 256>
            control;
    iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();

    ssize_t count = 0;
    do {
        count = ::recvmsg(socket, &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return std::optional<Datagram>();
    if (count < 0)
        return svc::system_error("cannot read a notify socket", errno);
    // A datagram of no bytes is one (an fd may ride on it); a datagram socket has no end of file.
    // What is over the limit was cut (MSG_TRUNC).
    return std::optional(
        take_apart(header, std::string(bytes.data(), static_cast<std::size_t>(count))));
}

} // namespace

Result<std::optional<Datagram>> receive_datagram(int socket) {
    return receive(socket, 0);
}

Result<std::optional<Datagram>> peek_datagram(int socket) {
    return receive(socket, MSG_PEEK);
}

std::string peek_text(int socket) {
    std::string text(datagram_limit, '\0');
    ssize_t count = 0;
    do {
        count = ::recv(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_PEEK);
    } while (count < 0 && errno == EINTR);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
}

ManagerSocket ManagerSocket::take() {
    ManagerSocket manager;
    if (const char* text = ::getenv("NOTIFY_SOCKET"); text != nullptr) {
        socklen_t length = 0;
        if (const auto address = manager_address(text, length)) {
            manager.address_.resize(length);
            std::memcpy(manager.address_.data(), &*address, length);
            manager.fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        }
    }
    if (const char* text = ::getenv("FDSTORE"); text != nullptr)
        manager.store_limit_ = number_of(text);
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("FDSTORE");
    return manager;
}

bool ManagerSocket::send(std::string_view message) const {
    const auto sent = try_send(message, -1);
    return sent && *sent;
}

Result<bool> ManagerSocket::try_send(std::string_view message, int fd) const {
    if (!fd_)
        return Error{"there is no service manager (NOTIFY_SOCKET)", ENOTCONN};
    // Never connected: a manager that made its socket anew is found again.
    sockaddr_un address = address_of(address_);
    iovec piece{.iov_base = const_cast<char*>(message.data()), .iov_len = message.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = static_cast<socklen_t>(address_.size());
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (fd >= 0) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(rights), &fd, sizeof(int));
    }
    for (;;) {
        if (::sendmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return true;
        // Of fds on their way, too, there may be too many for the moment (unix(7), ETOOMANYREFS).
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ||
            errno == ETOOMANYREFS)
            return false;
        if (errno != EINTR)
            return svc::system_error("cannot reach the service manager", errno);
    }
}

bool ManagerSocket::reachable() const {
    // Another socket, as the one that sends must stay without a peer.
    const UniqueFd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(address_);
    return fd_ && probe &&
           ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(address_.size())) == 0;
}

std::optional<std::chrono::microseconds> take_watchdog() {
    const char* period = ::getenv("WATCHDOG_USEC");
    const char* whom = ::getenv("WATCHDOG_PID");
    const auto microseconds = number_of<std::int64_t>(period == nullptr ? "" : period);
    const bool is_for_us = whom == nullptr || number_of<pid_t>(whom) == ::getpid();
    ::unsetenv("WATCHDOG_USEC"); // `period` is gone with it
    ::unsetenv("WATCHDOG_PID");
    if (!microseconds || *microseconds <= 0 || !is_for_us)
        return std::nullopt;
    return std::chrono::microseconds(*microseconds);
}

} // namespace svc::os
