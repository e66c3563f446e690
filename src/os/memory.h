// How much memory processes use, and how much there is to be had.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>

namespace svc::os {

/// Bytes that these processes and their descendants have for themselves: RssAnon, RssShmem and VmSwap
/// of /proc/PID/status (proc(5)); a program's text and what it mapped from files is not theirs, it can be
/// had again. What processes share after a fork or through shared memory counts for each of them.
/// A process that goes meanwhile counts as nothing. At most 4096 processes are looked at.
std::uint64_t memory_of_trees(std::span<const pid_t> roots);

/// As memory_of_trees(), of this process alone.
std::uint64_t memory_of(pid_t pid);

/// Bytes that can be used without pushing anything out: MemAvailable of /proc/meminfo, or less, as the
/// cgroup that we are in, or one above it, allows. nullopt: the kernel does not tell.
std::optional<std::uint64_t> available_memory();

/// oom_score_adj of this process (proc(5)); 0 if the kernel does not tell.
int own_oom_score_adj();

/// What the limits of the cgroup `path` ("/system.slice/svcd@web.service") and of those above it leave
/// under the cgroup2 mount at `mount`: the least of memory.max - memory.current, where the inactive part
/// of the page cache counts as free, because the kernel takes it back before it refuses anything.
/// nullopt: nothing limits it.
std::optional<std::uint64_t> cgroup_headroom(const std::string& mount, std::string path);

} // namespace svc::os
