// Which processes descend from which (proc(5)).
#pragma once

#include <cstddef>
#include <span>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// These processes and their descendants, each once, a parent before its children; at most `limit` of them: /proc is
/// read while processes come and go, and that must never be a loop. One that goes meanwhile may be among
/// them, and on a kernel without CONFIG_PROC_CHILDREN there are no descendants to see.
std::vector<pid_t> processes_of_trees(std::span<const pid_t> roots, std::size_t limit);

} // namespace svc::os
