// svc-keeper: keeps a supervisor alive where no systemd does. svcd becomes this program (svcd --keeper), which
// starts svcd again as its child, holds the fds that svcd wants to survive it, and after a crash starts the
// next one with them. Read keeper.h first.
//
// If the keeper itself is killed, svcd goes on without a store.
#include "keeper/keeper.h"

#include "os/systemd_sockets.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace svc;
using namespace svc::keeper;

constexpr std::size_t string_limit = 128 * 1024; // MAX_ARG_STRLEN, execve(2)
constexpr std::size_t own_fds = 64; // and what is received before it is stored or closed
constexpr std::size_t most_fds = 65536;

int complain(const std::string& what) {
    std::fprintf(stderr, "svc-keeper: %s: %s\n", what.c_str(), error_text(errno).c_str());
    return 1;
}

/// Every signal that svcd handles is blocked from here on, and in the child, too, until it handles them.
UniqueFd open_signals() {
    std::signal(SIGTTOU, SIG_IGN); // child.cpp says why
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD})
        sigaddset(&handled, number);
    ::sigprocmask(SIG_BLOCK, &handled, nullptr);
    return UniqueFd(::signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC));
}

/// An abstract name that the kernel chooses (unix(7), autobind): it needs no directory, and nothing of it
/// is left. Who may speak there is told by SCM_CREDENTIALS.
UniqueFd open_messages(std::string& name) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socklen_t length = sizeof(sa_family_t);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
        ::bind(fd.get(), any, length) != 0)
        return {};
    length = sizeof(address);
    if (::getsockname(fd.get(), any, &length) != 0)
        return {};
    name = "@" + std::string(address.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1);
    return fd;
}

/// A child that is to have them needs each twice while it puts them into their places (child.cpp).
Store make_store(rlim_t files, const std::vector<NamedFd>& passed) {
    std::size_t bytes = string_limit - std::string_view("LISTEN_FDNAMES=").size() - 1;
    for (const NamedFd& each : passed)
        bytes -= std::min(bytes, each.name.size() + 1);
    const std::size_t room = files / 2 - std::min<std::size_t>(files / 2, own_fds + passed.size());
    return {std::min(room, most_fds), bytes};
}

} // namespace

int main(int count, char** values) {
    const std::vector<std::string> words(values + std::min(count, 1), values + count);
    if (words.empty() || !words.front().starts_with('/')) {
        std::fputs("svc-keeper " SVC_VERSION
                   ": 'svcd --keeper' becomes this program, which keeps it "
                   "alive; it is of no\nuse by hand. See svcd(8).\n",
                   stderr);
        return 2;
    }
    Child child{.command = words};
    for (auto& [name, sockets] : os::take_systemd_sockets())
        for (UniqueFd& socket : sockets)
            child.passed.push_back({name, std::move(socket)});
    // What is opened below must not be taken for a closed stdin, stdout or stderr.
    while (::fcntl(STDERR_FILENO, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) >= 0) {
    }
    ::getrlimit(RLIMIT_NOFILE, &child.files);
    rlimit raised{child.files.rlim_max, child.files.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) != 0)
        raised = child.files;
    auto manager = os::ManagerSocket::take();
    Keeper::Fds fds{.signals = open_signals(), .messages = open_messages(child.notify_socket)};
    if (!fds.signals || !fds.messages)
        return complain("cannot open what the supervisor speaks to");
    if (auto orphans = os::become_subreaper(); !orphans)
        return complain(orphans.error().message);
    Store store = make_store(raised.rlim_cur, child.passed);
    child.store_limit = store.limit();
    return Keeper(std::move(fds), std::move(child), std::move(store), std::move(manager)).run();
}
