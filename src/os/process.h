// Processes, named by pidfd. A bare pid is for waitid and for display.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace svc::os {

struct SpawnedLauncher {
    pid_t pid = 0;
    UniqueFd pidfd;
    UniqueFd socket; ///< our end, non-blocking, close-on-exec
};
/// Opens the launcher's executable, to be held: a package upgrade must not put another version's
/// launcher under a running supervisor.
Result<UniqueFd> open_launcher(const std::string& path);
/// Starts the launcher held by `launcher_fd` with its socket as fd 3, stdin /dev/null, stdout and
/// stderr as ours, no other fd, an empty environment, signal mask and handlers reset.
Result<SpawnedLauncher> spawn_launcher(int launcher_fd);

uid_t own_uid(); ///< the effective one

struct Ended {
    pid_t pid = 0;
    bool signaled = false;
    int value = 0; ///< exit code or signal number
    bool core_dumped = false;
};

Result<UniqueFd> open_pidfd(pid_t pid);
/// Its process is a zombie or gone (pidfd_open(2): readable).
bool has_ended(int pidfd);
/// True if waitid(2) tells us of its end: also of a zombie, and of an orphan that came to us.
bool is_our_child(pid_t pid);
/// How a process ended that is not our child, once its parent has reaped it (PIDFD_GET_INFO with
/// PIDFD_INFO_EXIT, Linux 6.15). nullopt: not reaped yet.
/// The error: this kernel does not tell.
Result<std::optional<Ended>> exit_of(int pidfd);
/// ESRCH (already gone) is success.
Result<void> send_signal(int pidfd, int signal);
/// SIGKILL to the process group that `pid` leads. PIDFD_SIGNAL_PROCESS_GROUP where the kernel has
/// it (6.9); else kill(-pid), which is only sound while the leader is not reaped: call it before
/// reap(). ESRCH is success.
/// On older kernels nothing is done for the group of a leader that somebody else has reaped: its number may
/// be another group's by now; `has_member`: it is not, a process that still runs is in it.
Result<void> kill_group(int pidfd, pid_t pid, bool has_member = false);

/// A child that ended and is not reaped yet (waitid with WNOWAIT), without waiting.
std::optional<Ended> peek_ended_child();
/// Reaps exactly that one.
void reap(pid_t pid);

/// PR_SET_CHILD_SUBREAPER: orphans of workers come to us.
Result<void> become_subreaper();
/// Process group of a process, or nullopt if it is gone.
std::optional<pid_t> process_group_of(pid_t pid);
/// Parent of a process as /proc says, or nullopt.
std::optional<pid_t> parent_of(pid_t pid);
/// oom_kill count of the cgroup of `pid` (memory.events, cgroup2), nullopt where it cannot be
/// known.
std::optional<std::uint64_t> oom_kills_of(pid_t pid);

} // namespace svc::os
