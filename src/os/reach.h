// What another user can do with a file: asked as that user, so that whatever the kernel goes by counts, access control
// lists and security modules too.
#pragma once

#include "os/files.h"

#include <optional>
#include <string>
#include <vector>

namespace svc::os {

/// A use of a file or a directory, as access(2) has it: R_OK, X_OK, or both. The path is absolute.
struct Use {
    std::string path;
    int mode = 0;
};

/// For each of `uses` the first thing that keeps `user` from it: a directory on the way that it cannot pass, or the
/// file itself; empty: nothing does. A child becomes that user, which only root may have it do (an error else).
Result<std::vector<std::string>> find_obstacles(const User& user, const std::vector<Use>& uses);

/// What to do about one, at a shell: "chmod o+x /srv/app permits it to everybody, …".
std::string permission_remedy(const std::string& obstacle, const User& user, int mode);

/// As /etc/passwd and /etc/group have them. This is for a program that is linked statically and so knows no other
/// source of users (nsswitch.conf(5)); find_user() is for all others. By name or number; a number that nobody has is
/// a user without groups.
std::optional<User> user_in_files(const std::string& name);
std::optional<gid_t> group_in_files(const std::string& name);
/// Empty: nobody has it.
std::string user_name_in_files(uid_t uid);

} // namespace svc::os
