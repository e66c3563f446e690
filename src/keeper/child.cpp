#include "keeper/child.h"

#include "base/result.h"
#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace svc::keeper {

namespace {

constexpr int first_passed = 3;       // SD_LISTEN_FDS_START, sd_listen_fds(3)
constexpr rlim_t room_to_start = 256; // fds of its own, before it raises its limit itself

[[noreturn]] void give_up(const std::string& what) {
    const int error = errno;
    std::fprintf(stderr, "svc-keeper: %s: %s\n", what.c_str(), error_text(error).c_str());
    ::_exit(error == ENOENT ? 127 : 126); // as shells do
}

/// Above all their places first: any of them may stand where another belongs.
void place(const std::vector<int>& fds) {
    const int above = first_passed + static_cast<int>(fds.size());
    std::vector<int> moved;
    for (const int fd : fds) {
        moved.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, above));
        if (moved.back() < 0)
            give_up("cannot copy a fd that is kept");
    }
    for (std::size_t index = 0; index < moved.size(); ++index)
        if (::dup2(moved[index], first_passed + static_cast<int>(index)) < 0)
            give_up("cannot pass a fd that is kept");
}

/// Its soft limit as it would be without us, because it passes that on to its workers; but a dynamic
/// linker must find a number free below it.
void limit_files(rlimit limit, std::size_t passed) {
    limit.rlim_cur =
        std::min(std::max(limit.rlim_cur, first_passed + passed + room_to_start), limit.rlim_max);
    // What refuses that leaves it higher.
    [[maybe_unused]] const int done = ::setrlimit(RLIMIT_NOFILE, &limit);
}

void set(const char* name, const std::string& value) {
    if (::setenv(name, value.c_str(), 1) != 0)
        give_up("cannot set " + std::string(name));
}

} // namespace

void become(const Child& child, const std::vector<NamedFd>& stored) {
    // A process group of its own. A terminal tells every process of its foreground group of a Ctrl-C, and
    // who kills a whole group does; passed on by us besides, it would be a second one, which means "stop
    // now". In the background it may write as ever, because SIGTTOU is ignored (tcsetattr(3), TOSTOP), and
    // it reads nothing.
    ::setpgid(0, 0);
    std::vector<int> fds;
    std::vector<std::string> names;
    for (const auto* group : {&child.passed, &stored})
        for (const NamedFd& each : *group) {
            fds.push_back(each.fd.get());
            names.push_back(each.name);
        }
    place(fds);
    limit_files(child.files, fds.size());
    set("NOTIFY_SOCKET", child.notify_socket);
    set("FDSTORE", std::to_string(child.store_limit));
    if (!fds.empty()) { // LISTEN_FDS=0 is an error to sd_listen_fds(3)
        set("LISTEN_FDS", std::to_string(fds.size()));
        set("LISTEN_FDNAMES", join(names, ":"));
        set("LISTEN_PID", std::to_string(::getpid()));
    }
    if (::getenv("WATCHDOG_PID") != nullptr)
        set("WATCHDOG_PID", std::to_string(::getpid())); // what it says is passed on
    std::vector<char*> arguments;
    for (const std::string& each : child.command)
        arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments.front(), arguments.data());
    give_up("cannot execute " + child.command.front());
}

} // namespace svc::keeper
