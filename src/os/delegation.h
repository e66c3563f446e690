// Which control group of version 2 is ours to make others in.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/own_unit.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace svc::os {

/// The leaf that a supervisor sits in, below the group that was delegated to it: a group whose children have
/// controllers may have no process of its own.
inline constexpr const char* supervisor_leaf = "supervisor";
/// Where systemd runs the commands of a delegated unit that are not its main process (systemd.exec(5)).
inline constexpr const char* control_leaf = ".control";

struct CgroupPlace {
    std::string mount;
    std::string below;  ///< "/system.slice/…"; empty: it is what is mounted there
    bool whole = false; ///< what is mounted is the root of the cgroup namespace
    bool operator==(const CgroupPlace&) const = default;
};
/// Where the group of a line "0::PATH" (/proc/PID/cgroup) is, by what /proc/PID/mountinfo says of mounts of type
/// cgroup2: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside version 1. Not above what a namespace or a mount
/// shows. Pure.
std::optional<CgroupPlace> place_cgroup(std::string_view cgroups, std::string_view mountinfo);

struct Delegated {
    UniqueFd directory;
    std::string path;
};
/// The group that somebody gave to this process, never merely the one that it is in:
///
///   systemd's unit with Delegate=, marked so by systemd (trusted.delegate, user.delegate), of which we are a process
///       that systemd started (SYSTEMD_EXEC_PID), not a descendant of one. Where no mark can be seen the manager is
///       asked: a user's marks nothing (252), and before 251 it is one that only CAP_SYS_ADMIN can read;
///   the root of a cgroup namespace, to its process 1 or to the child of svc-keeper that is one, if no process of
///       another pid namespace is in it.
///
/// The leaf that we are in already is passed over. The error says why there is none, and what to do.
Result<Delegated> find_delegated_cgroup();
/// `path` because somebody says so (--cgroup DIR).
Result<Delegated> open_delegated_cgroup(const std::string& path);
/// The group of a unit if its manager, which is asked through systemctl(1), says that it delegated it. Blocks, for at
/// most ten seconds.
Result<Delegated> ask_for_delegated_cgroup(const OwnUnit& unit);
/// Its answer: the name in the hierarchy as systemd has it ("/system.slice/svcd@web.service"). nullopt: it is not
/// delegated, or there is none. Pure.
std::optional<std::string> told_cgroup(std::string_view said);

/// The controllers that this machine has for groups of version 2; nullopt: there are no such groups.
std::optional<std::set<std::string>> machine_controllers();

} // namespace svc::os
