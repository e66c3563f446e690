// Processes that are looked at together (proc(5)).
#pragma once

#include <set>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// What each of them has counts once.
struct ProcessSet {
    std::vector<pid_t> members; ///< all of them, where somebody knows (a cgroup)
    std::vector<pid_t>
        roots; ///< with their descendants, and whoever is in a process group of theirs
};

/// The processes of each set, in their order, as they are just now. At most 65,536 processes are looked at.
std::vector<std::set<pid_t>> processes_of(const std::vector<ProcessSet>& sets);

} // namespace svc::os
