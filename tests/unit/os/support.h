// What the tests of src/os share: directories, clients, children without privileges.
#pragma once

#include "../patience.h"
#include "../temporary_directory.h"
#include "base/address.h"
#include "base/unique_fd.h"
#include "os/listener_socket.h"
#include "os/socket_address.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::test {

/// A new directory that everybody may enter and write to.
class OpenDirectory : public TemporaryDirectory {
public:
    OpenDirectory() { std::filesystem::permissions(path(), std::filesystem::perms(0777)); }
};

inline Address address_of(const std::string& text) {
    auto address = parse_address(text);
    REQUIRE_MESSAGE(address.ok(), text);
    return *address;
}

/// A client of the listener at `address`. -1 in the fd and errno if it was refused.
inline UniqueFd connect_to(const Address& address) {
    const auto to = os::to_socket_address(address, "");
    REQUIRE(to.ok());
    UniqueFd fd(
        ::socket(to->storage.ss_family, os::socket_type_number(address.type) | SOCK_CLOEXEC, 0));
    REQUIRE(fd);
    if (::connect(fd.get(), to->get(), to->length) != 0)
        fd.reset();
    return fd;
}

inline bool wait_readable(int fd) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, patience_ms) == 1 && (entry.revents & POLLIN) != 0;
}

/// Takes one connection from the queue; empty if none comes.
inline UniqueFd accept_from(int listener) {
    if (!wait_readable(listener))
        return {};
    return UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

/// A client gets in, and out at the other end comes what it sent. Connections that came before and
/// say nothing are passed over: open_listener() makes one to see whether somebody listens.
inline bool serves(int listener, const Address& address) {
    const UniqueFd client = connect_to(address);
    if (!client || ::send(client.get(), "hello", 5, MSG_NOSIGNAL) != 5)
        return false;
    char buffer[16];
    if (address.type == SocketType::datagram)
        return wait_readable(listener) && ::recv(listener, buffer, sizeof(buffer), 0) == 5;
    while (const UniqueFd accepted = accept_from(listener)) {
        if (wait_readable(accepted.get()) && ::recv(accepted.get(), buffer, sizeof(buffer), 0) == 5)
            return true;
    }
    return false;
}

inline UniqueFd open_or_fail(const std::string& address, const ListenerOptions& options = {}) {
    auto fd = os::open_listener(address_of(address), options);
    REQUIRE_MESSAGE(fd.ok(), (fd.ok() ? "" : fd.error().message));
    return std::move(*fd);
}

/// The error of a listener that must not open.
inline std::string refused(const std::string& address, const ListenerOptions& options = {}) {
    const auto fd = os::open_listener(address_of(address), options);
    REQUIRE_FALSE(fd.ok());
    return fd.error().message;
}

inline bool contains(const std::string& text, const std::string& part) {
    const bool found = text.find(part) != std::string::npos;
    if (!found)
        MESSAGE("in: " << text);
    return found;
}

inline bool is_root() {
    return ::geteuid() == 0;
}

/// Runs `body` in a child process and gives its exit status; `body`'s true is 0. Children that
/// change what belongs to the process (user, environment, fds 3 and up) do not disturb the others.
inline int in_child(const std::function<bool()>& body) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
        ::_exit(body() ? 0 : 1); // without the parent's atexit handlers
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        REQUIRE(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr uid_t nobody = 65534;

/// in_child() as a user without privileges: as nobody where we are root, else as we are.
inline int in_unprivileged_child(const std::function<bool()>& body) {
    return in_child([&] {
        if (is_root() && (::setgid(nobody) != 0 || ::setuid(nobody) != 0))
            return false;
        return body();
    });
}

/// In a child: prints what was not as expected, because doctest's report is the parent's.
inline bool expect(bool holds, const std::string& what) {
    if (!holds)
        ::dprintf(STDERR_FILENO, "child: not so: %s\n", what.c_str());
    return holds;
}

} // namespace svc::test
