// Control groups of version 2 (cgroups(7); the kernel's admin-guide/cgroup-v2.rst): what is done with one that is
// ours. Everything goes through the fd of a directory, so that no other one can come in between. Which one is
// ours: os/delegation.h.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "os/process_list.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace svc::os {

/// A name is one component of a path.
Result<UniqueFd> open_cgroup(int parent, const std::string& name);
/// Fails with EEXIST if it is there.
Result<UniqueFd> make_cgroup(int parent, const std::string& name);
/// With those below it; false: a process is in one of them. One that is not there is gone.
Result<bool> remove_cgroup(int parent, const std::string& name);
/// The names of the groups in it, in no order.
std::vector<std::string> child_cgroups(int directory);

/// A file of it; empty if it cannot be read. Bounded.
std::string read_cgroup(int directory, const std::string& file);
/// What a list of controllers, as cgroup.controllers has it, names. Pure.
std::set<std::string> read_controllers(const std::string& list);
Result<void> write_cgroup(int directory, const std::string& file, std::string_view text);
bool has_file(int directory, const std::string& file);
/// The number after `key` in a file of "key number" lines (memory.events), or its only one (memory.current).
std::optional<std::uint64_t> number_in_cgroup(int directory, const std::string& file,
                                              std::string_view key = {});

/// Its cgroup.procs, open for a process that is to enter: it writes "0". The permission is that of whoever opened
/// it.
Result<UniqueFd> open_door(int directory);
/// Moves every process that is in it, and not below it, into `to`.
Result<void> move_processes(int directory, int to);
/// A process is in it or below it.
bool is_populated(int directory);
/// Waits until none is, `bound` at most; whether none is.
bool await_empty(int directory, Duration bound);
/// Those processes, without zombies, ourselves among them if we are there. FoundProcess::value is what
/// /proc/PID/comm says.
std::vector<FoundProcess> processes_in(int directory);
/// SIGKILL to all of them, at once where the kernel has cgroup.kill (Linux 5.14): a fork does not escape it.
Result<void> kill_cgroup(int directory);
/// Takes every controller from the groups in it, and in those below: a process can be put into it then
/// (cgroups(7), "no internal processes").
Result<void> disable_controllers(int directory);

/// For one supervisor, as long as this fd is open: an error, EWOULDBLOCK, if another has it. Waits at most `bound`: a
/// child of one that was killed has its fds, too, until it has executed.
Result<void> lock_cgroup(int directory, Duration bound);

/// An inotify fd, non-blocking, close-on-exec.
Result<UniqueFd> make_cgroup_watch();
/// It becomes readable when the first process enters the group or the last one leaves it.
/// The watch outlives the group itself: give its number, which is returned, to unwatch().
Result<int> watch_populated(int watch, int directory);
void unwatch(int watch, int number);
/// Reads what is in it.
void drain_cgroup_watch(int watch);

} // namespace svc::os
