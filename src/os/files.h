// Files and users, with errors that say what to do.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// What login(1) of Debian and systemd give a service; ours may be a developer's. The PATH of a worker
/// unless its service file says otherwise (svc-worker(7)).
inline constexpr std::string_view default_search_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A whole regular file of at most `limit` bytes; a directory, a fifo or a larger file is an error,
/// never a hang.
Result<std::string> read_file(const std::string& path, std::size_t limit);
/// The first 64 KiB of a file of /proc or /sys, which have no size that could be asked for; empty where
/// it cannot be read.
std::string read_unsized(const std::string& path);
/// Makes `path` and its missing parents (mode for the last; 0755 for parents). An existing
/// directory is success.
Result<void> make_directories(const std::string& path, mode_t mode);
/// unlink(2); that there is no such file is what was wanted, and nobody waits for another error.
void remove_file(const std::string& path);
/// A symlink resolved to the end (realpath(3)).
Result<std::string> resolve_path(const std::string& path);
/// Looks `name` up in a PATH-like list if it has no slash; checks that it is an executable regular
/// file.
Result<std::string> find_executable(const std::string& name, std::string_view search_path,
                                    const std::string& directory);

struct FileStat {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    bool operator==(const FileStat&) const = default;
};
Result<FileStat> stat_file(const std::string& path);

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name;
    std::string home;
    std::string shell;
    std::vector<gid_t> groups; ///< initgroups(3)'s list
};
/// By name or number.
Result<User> find_user(const std::string& name);
Result<gid_t> find_group(const std::string& name);

} // namespace svc::os
