#include "os/process.h"

#include "os/files.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr int launcher_socket = 3;   // wire/launch_order.h's launch_socket_fd, of a layer beside us
constexpr int first_number_free = 4; // 0 to 3 of the launcher are made by us

// <linux/pidfd.h> of Linux 6.9; the build machine's headers may be older than its kernel.
constexpr unsigned int signal_process_group = 1u << 2;

// <linux/pidfd.h> of Linux 6.13 (the call) and 6.15 (PIDFD_INFO_EXIT).
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroup_id = 0;
    std::uint32_t pid = 0;
    std::array<std::uint32_t, 10> others{}; // thread group, parent, and the eight ids
    std::int32_t exit_code = 0;             // as wait(2) has it
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr auto pidfd_get_info = _IOWR(0xFF, 11, PidfdInfo);
constexpr std::uint64_t pidfd_info_exit = 1u << 3;

/// The fd itself if its number is out of the way of 0 to 3, else a copy that is, kept in `copy`.
Result<int> out_of_the_way(int fd, UniqueFd& copy) {
    if (fd >= first_number_free)
        return fd;
    copy.reset(::fcntl(fd, F_DUPFD_CLOEXEC, first_number_free));
    if (!copy)
        return system_error("cannot copy a fd", errno);
    return copy.get();
}

/// posix_spawn(3)'s two objects, with their destructors.
class SpawnPlan {
public:
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    /// Each call returns an errno value, as posix_spawn(3) does.
    int prepare(int socket) {
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        // The socket first: it may sit on 0, which the second line takes. A dup2 onto itself clears
        // close-on-exec here (posix_spawn_file_actions_adddup2(3), glibc since 2.29).
        if (const int error =
                ::posix_spawn_file_actions_adddup2(&actions_, socket, launcher_socket))
            return error;
        if (const int error = ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO,
                                                                 "/dev/null", O_RDONLY, 0))
            return error;
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        // With SETSIGDEF glibc makes one call a signal; without it two for each that has a handler,
        // and one for the others: it looks before it resets (__spawni_child(), spawni.c).
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        return ::posix_spawnattr_setflags(&attributes_,
                                          POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    int spawn(const char* path, pid_t& pid) {
        char name[] = "svc-launch";
        std::array<char*, 2> arguments{name, nullptr};
        std::array<char*, 1> environment{nullptr};
        return ::posix_spawn(&pid, path, &actions_, &attributes_, arguments.data(),
                             environment.data());
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

/// What follows `key` on the line that starts with it.
std::optional<std::string_view> line_after(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.starts_with(key))
            return line.substr(key.size());
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return std::nullopt;
}

template <class Number>
std::optional<Number> leading_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end == text.data())
        return std::nullopt;
    return number;
}

Result<void> signal_through_pidfd(int pidfd, int signal, unsigned int flags) {
    // By number: glibc 2.36 declares the function without extern "C".
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, flags) == 0)
        return {};
    return system_error("cannot send signal " + std::to_string(signal), errno);
}

} // namespace

Result<UniqueFd> open_launcher(const std::string& path) {
    // O_PATH: to execute a file needs no permission to read it. An O_PATH fd opened for nothing
    // else can be executed through /proc/self/fd (open(2)).
    UniqueFd opened(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!opened)
        return system_error("cannot open the launcher " + path, errno);
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0)
        return system_error("cannot look at the launcher " + path, errno);
    if (!S_ISREG(status.st_mode))
        return Error{"the launcher " + path + " is not a regular file", 0};
    if (::access(path.c_str(), X_OK) != 0)
        return system_error("cannot execute the launcher " + path, errno);
    UniqueFd copy;
    const auto number = out_of_the_way(opened.get(), copy);
    if (!number)
        return number.error();
    return copy ? std::move(copy) : std::move(opened);
}

Result<SpawnedLauncher> spawn_launcher(int launcher_fd) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_error("cannot make a socket pair for svc-launch", errno);
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    // Only our end: O_NONBLOCK belongs to the open file, and each end is one of its own.
    if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0)
        return system_error("cannot make svc-launch's socket non-blocking", errno);

    // If we were started with some of 0 to 3 closed, anything of ours may sit there, and would be
    // replaced in the child before it is executed.
    UniqueFd launcher_copy;
    const auto launcher = out_of_the_way(launcher_fd, launcher_copy);
    if (!launcher)
        return launcher.error();
    const std::string path = "/proc/self/fd/" + std::to_string(*launcher);

    SpawnPlan plan;
    SpawnedLauncher spawned;
    int error = plan.prepare(theirs.get());
    if (error == 0)
        error = plan.spawn(path.c_str(), spawned.pid);
    if (error != 0)
        return system_error("cannot start svc-launch", error);

    spawned.socket = std::move(ours);
    auto pidfd = open_pidfd(spawned.pid);
    if (!pidfd) {
        // A process that has no pidfd has no name: end it now, while it is still our unreaped child
        // and its number can be nobody else's.
        ::kill(spawned.pid, SIGKILL);
        return pidfd.error();
    }
    spawned.pidfd = std::move(*pidfd);
    return spawned;
}

uid_t own_uid() {
    return ::geteuid();
}

Result<UniqueFd> open_pidfd(pid_t pid) {
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); // close-on-exec by itself
    if (!pidfd)
        return system_error("cannot open a pidfd of process " + std::to_string(pid), errno);
    return pidfd;
}

bool has_ended(int pidfd) {
    pollfd entry{pidfd, POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

Result<std::optional<Ended>> exit_of(int pidfd) {
    PidfdInfo info;
    info.mask = pidfd_info_exit;
    if (::ioctl(pidfd, pidfd_get_info, &info) != 0)
        return system_error("the kernel does not tell how a process ended that is not our child",
                            errno);
    if ((info.mask & pidfd_info_exit) == 0)
        return std::optional<Ended>();
    Ended ended;
    ended.pid = static_cast<pid_t>(info.pid);
    ended.signaled = WIFSIGNALED(info.exit_code);
    ended.value = ended.signaled ? WTERMSIG(info.exit_code) : WEXITSTATUS(info.exit_code);
    ended.core_dumped = ended.signaled && WCOREDUMP(info.exit_code);
    return std::optional(ended);
}

bool is_our_child(pid_t pid) {
    siginfo_t info{};
    int found = 0;
    do {
        found = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    } while (found != 0 && errno == EINTR);
    return found == 0;
}

Result<void> send_signal(int pidfd, int signal) {
    auto sent = signal_through_pidfd(pidfd, signal, 0);
    if (!sent && sent.error().code == ESRCH)
        return {};
    return sent;
}

Result<void> kill_group(int pidfd, pid_t pid, bool has_member) {
    if (pid <= 1)
        fatal("kill_group() of process " + std::to_string(pid));
    auto group = signal_through_pidfd(pidfd, SIGKILL, signal_process_group);
    if (!group && (group.error().code == EINVAL || group.error().code == ENOSYS)) {
        group = Result<void>();
        if (!has_member && has_ended(pidfd) && !is_our_child(pid))
            return {};
        if (::kill(-pid, SIGKILL) != 0)
            group = system_error("cannot send signal 9", errno);
    }
    if (!group && group.error().code != ESRCH)
        return Error{"process group " + std::to_string(pid) + ": " + group.error().message,
                     group.error().code};
    // The process itself too: it may not have made its group yet (a launcher that was just
    // started), or have left it.
    return send_signal(pidfd, SIGKILL);
}

std::optional<Ended> peek_ended_child() {
    siginfo_t info{};
    while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        if (errno != EINTR)
            return std::nullopt; // ECHILD: no child at all
    }
    if (info.si_pid == 0)
        return std::nullopt;
    Ended ended;
    ended.pid = info.si_pid;
    ended.signaled = info.si_code != CLD_EXITED;
    ended.value = info.si_status;
    ended.core_dumped = info.si_code == CLD_DUMPED;
    return ended;
}

void reap(pid_t pid) {
    siginfo_t info{};
    // WNOHANG: of a child that has not ended this does nothing, instead of stopping the supervisor.
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) != 0) {
        if (errno != EINTR)
            return;
    }
}

Result<void> become_subreaper() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0)
        return system_error("cannot become the reaper of orphaned worker processes", errno);
    return {};
}

std::optional<pid_t> process_group_of(pid_t pid) {
    const pid_t group = ::getpgid(pid);
    if (group < 0)
        return std::nullopt;
    return group;
}

std::optional<pid_t> parent_of(pid_t pid) {
    const std::string text = read_unsized("/proc/" + std::to_string(pid) + "/stat");
    // "PID (NAME) STATE PARENT …": the name may hold anything, parentheses and spaces too (proc(5)),
    // so the last parenthesis is the one that ends it.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 4 > text.size())
        return std::nullopt;
    return leading_number<pid_t>(std::string_view(text).substr(name_end + 4));
}

std::optional<std::uint64_t> oom_kills_of(pid_t pid) {
    const std::string groups = read_unsized("/proc/" + std::to_string(pid) + "/cgroup");
    const auto path = line_after(groups, "0::"); // cgroups(7): the line of version 2
    if (!path)
        return std::nullopt;
    const std::string events =
        read_unsized("/sys/fs/cgroup" + std::string(*path) + "/memory.events");
    const auto kills = line_after(events, "oom_kill ");
    if (!kills)
        return std::nullopt;
    return leading_number<std::uint64_t>(*kills);
}

} // namespace svc::os
