// The path of a unix socket in the file system: making it, telling whether it still is ours, and
// putting it back.
//
// A unix socket's path is an inode of its own, apart from the socket's (unix(7)): it can be unlinked
// or replaced while the socket lives, clients then find nothing, and a bound socket cannot be bound
// again. A second hard link to the inode is what lets a lost path come back.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace svc::os {

struct PathAccess {
    mode_t mode = 0666;
    std::optional<uid_t> owner; ///< nullopt: unchanged
    std::optional<gid_t> group;
    bool owner_must_change = true; ///< false: without the privilege, the owner stays who he is
};

/// Binds `fd` to `path` and gives it its access. At no moment is the path more open than asked.
/// `shown` names the address in errors. On failure there is no path left behind.
Result<void> bind_unix_path(int fd, const std::string& path, const PathAccess& access,
                            const std::string& shown);

/// Removes a socket that nobody has open any more from `path`; no path at all is success. A file of
/// another kind, and a socket that somebody listens on, are errors and stay. `type` is SOCK_STREAM
/// and so on.
Result<void> remove_stale_socket(const std::string& path, int type, const std::string& shown);

/// True if `path` is the socket that `link_path` is a hard link of. Where there is no such link:
/// if it is a socket at all.
bool is_our_path(const std::string& path, const std::string& link_path);

/// Makes `to` another hard link of the socket `from`, in place of any socket that is at `to`: by
/// rename, so that `to` is at no moment missing if it was there. A file of another kind stays, and
/// is an error.
Result<void> link_over(const std::string& from, const std::string& to);

} // namespace svc::os
