// Users and groups. Apart from files.cpp: svc-launch is linked statically, and a static program
// that pulls in glibc's NSS needs the shared libraries of the very same glibc at run time.
#include "os/files.h"

#include "os/remedy.h"

#include <cerrno>
#include <charconv>
#include <grp.h>
#include <limits>
#include <optional>
#include <pwd.h>

namespace svc::os {

namespace {

// getpwnam_r(3) wants a buffer of unknown size; a group with thousands of members needs a large one.
constexpr std::size_t first_buffer = 4096;
constexpr std::size_t largest_buffer = 16 * 1024 * 1024;

/// A uid or gid written as a number. -1 is "no change" to chown(2) and setresuid(2): never an id.
std::optional<std::uint32_t> parse_id(const std::string& text) {
    std::uint32_t id = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, id);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end ||
        id == std::numeric_limits<std::uint32_t>::max())
        return std::nullopt;
    return id;
}

/// Calls `look` (getpwnam_r and its kin) with ever larger buffers. The entry points into `buffer`.
/// 0 and no entry: there is none.
template <class Entry, class Look>
int look_up(Look look, Entry& storage, std::vector<char>& buffer, Entry*& found) {
    buffer.resize(first_buffer);
    for (;;) {
        found = nullptr;
        const int failed = look(&storage, buffer.data(), buffer.size(), &found);
        if (failed == EINTR)
            continue;
        if (failed == ERANGE && buffer.size() < largest_buffer) {
            buffer.resize(buffer.size() * 4);
            continue;
        }
        // What getpwnam_r(3) lists as "not found", apart from 0.
        const bool none = failed == ENOENT || failed == ESRCH || failed == EBADF || failed == EPERM;
        return none ? 0 : failed;
    }
}

std::vector<gid_t> groups_of(const char* name, gid_t primary) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    // Too small: -1, and `count` says how many there are (getgrouplist(3)).
    while (::getgrouplist(name, primary, groups.data(), &count) < 0)
        groups.resize(static_cast<std::size_t>(count));
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

} // namespace

Result<User> find_user(const std::string& name) {
    const auto number = parse_id(name);
    passwd storage{};
    passwd* entry = nullptr;
    std::vector<char> buffer;
    // A name of digits only is a number, as for systemd (User=) and chown(1) with a plus sign.
    const int failed = look_up(
        [&](passwd* into, char* space, std::size_t size, passwd** found) {
            return number ? ::getpwuid_r(*number, into, space, size, found)
                          : ::getpwnam_r(name.c_str(), into, space, size, found);
        },
        storage, buffer, entry);
    if (failed != 0)
        return svc::system_error("cannot look up the user " + name, failed);
    if (entry != nullptr)
        return User{.uid = entry->pw_uid,
                    .gid = entry->pw_gid,
                    .name = entry->pw_name,
                    .home = entry->pw_dir,
                    .shell = entry->pw_shell,
                    .groups = groups_of(entry->pw_name, entry->pw_gid)};
    if (!number)
        return Error{"there is no user " + name + "; make one (useradd --system " + name +
                     ") or write a uid"};
    // A uid needs no passwd entry (containers, DynamicUser=). Its group is the number too: root's
    // group 0, the other custom, would give rights that nobody asked for.
    return User{.uid = *number,
                .gid = *number,
                .name = name,
                .home = "/",
                .shell = "/bin/sh",
                .groups = {*number}};
}

Result<gid_t> find_group(const std::string& name) {
    if (const auto number = parse_id(name))
        return gid_t{*number};
    group storage{};
    group* entry = nullptr;
    std::vector<char> buffer;
    const int failed =
        look_up([&](group* into, char* space, std::size_t size,
                    group** found) { return ::getgrnam_r(name.c_str(), into, space, size, found); },
                storage, buffer, entry);
    if (failed != 0)
        return svc::system_error("cannot look up the group " + name, failed);
    if (entry == nullptr)
        return Error{"there is no group " + name + "; make one (groupadd --system " + name +
                     ") or write a gid"};
    return entry->gr_gid;
}

} // namespace svc::os
