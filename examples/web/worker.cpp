#include "worker.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace web {

void fail(const std::string& message) {
    std::fprintf(stderr, "example-web: %s\n", message.c_str());
    std::exit(1);
}

void fail_errno(const std::string& attempted) {
    const char* const reason = std::strerror(errno);
    fail(attempted + ": " + reason);
}

Supervisor::Supervisor() {
    if (const char* path = std::getenv("NOTIFY_SOCKET"))
        path_ = path;
    ::unsetenv("NOTIFY_SOCKET");
}

void Supervisor::tell(std::string_view message) const {
    sockaddr_un address{};
    if (path_.empty() || path_.size() >= sizeof address.sun_path)
        return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    // "@name" is the abstract namespace: the first byte is zero and the length ends the name
    // (unix(7)), so the length passed must not count the rest of sun_path.
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());

    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL,
                            reinterpret_cast<const sockaddr*>(&address), length) < 0)
        std::fprintf(stderr, "example-web: cannot notify %s: %s\n", path_.c_str(),
                     std::strerror(errno));
}

Timeline::Timeline(const std::string& path) {
    if (path.empty())
        return;
    file_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file_)
        fail_errno("cannot open the timeline " + path);
}

void Timeline::record(std::string_view event) const {
    if (!file_)
        return;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    std::string line = std::to_string(::getpid());
    line += ' ';
    line += event;
    line += ' ';
    line += std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
    line += '\n';
    // One write of one short line: O_APPEND keeps the lines of several workers whole.
    if (::write(file_.get(), line.data(), line.size()) < 0)
        std::fprintf(stderr, "example-web: cannot write the timeline: %s\n", std::strerror(errno));
}

} // namespace web
