#include "os/unix_path.h"

#include "base/unique_fd.h"
#include "os/remedy.h"
#include "os/socket_address.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

namespace {

std::string parent_of_path(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<struct stat> look_at(const std::string& path) {
    struct stat found {};
    if (path.empty() || ::lstat(path.c_str(), &found) != 0)
        return std::nullopt;
    return found;
}

bool same_inode(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string remedy_of_bind(int failed, const std::string& path) {
    const std::string parent = parent_of_path(path);
    switch (failed) {
    case ENOENT:
        return "the directory " + parent +
               " does not exist: make it (below /run: RuntimeDirectory= in the unit, or "
               "tmpfiles.d)";
    case ENOTDIR:
        return parent + " is not a directory";
    case EACCES:
    case EPERM:
        return "the supervisor's user may not make files in " + parent;
    case EROFS:
        return parent + " is on a read-only file system (in a unit: ReadWritePaths=)";
    case EADDRINUSE:
        return "find its owner with: ss -lxp src " + path;
    }
    return "";
}

/// Gives the path just bound its owner, group and mode. Through an O_PATH fd: the directory may be
/// one that others write to, and a symlink put in the path's place must not have its target changed.
Result<void> give_access(const std::string& path, const PathAccess& access,
                         const std::string& shown) {
    const UniqueFd inode(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat found {};
    if (!inode || ::fstat(inode.get(), &found) != 0)
        return svc::system_error("cannot open the path of " + shown, errno);
    if (!S_ISSOCK(found.st_mode))
        return Error{"cannot set the access of " + shown +
                         ": somebody replaced it while it was being made",
                     EEXIST};
    // Owner before mode: the other way round the first owner's group would have the new one's
    // rights for a moment.
    const bool changes_owner = access.owner && *access.owner != found.st_uid;
    const bool changes_group = access.group && *access.group != found.st_gid;
    if (changes_owner || changes_group) {
        const int changed = ::fchownat(inode.get(), "", access.owner.value_or(uid_t(-1)),
                                       access.group.value_or(gid_t(-1)), AT_EMPTY_PATH);
        if (changed != 0 && (errno != EPERM || access.owner_must_change))
            return system_error("cannot change the owner of " + shown, errno,
                                errno == EPERM ? "only root (CAP_CHOWN) may give a file away, and "
                                                 "only to a group of one's own otherwise"
                                               : "");
    }
    // fchmod(2) refuses O_PATH fds (EBADF); the magic link in /proc leads to the same inode.
    const std::string through = "/proc/self/fd/" + std::to_string(inode.get());
    if (::chmod(through.c_str(), access.mode) != 0)
        return system_error("cannot set the mode of " + shown, errno,
                            errno == ENOENT ? "/proc has to be mounted" : "");
    return {};
}

Error in_use(const std::string& path, const std::string& shown) {
    return system_error("cannot bind " + shown, EADDRINUSE, remedy_of_bind(EADDRINUSE, path));
}

enum class Presence { nobody, somebody, unknown };

/// Whether a process still has the socket of `path` open, found out by connecting. The kernel
/// refuses (ECONNREFUSED) if no living socket is bound to the inode, or one that does not listen.
Presence probe(const std::string& path, int type) {
    const UniqueFd client(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto to = to_socket_address({.family = AddressFamily::unix_path, .host = path}, "");
    if (!client || !to)
        return Presence::unknown;
    if (::connect(client.get(), to->get(), to->length) == 0)
        return Presence::somebody;
    switch (errno) {
    case ECONNREFUSED:
    case ENOENT:
        return Presence::nobody;
    case EAGAIN:     // its queue is full
    case EPROTOTYPE: // it is of another type
    case EPERM:      // a datagram socket that has a peer already
        return Presence::somebody;
    }
    return Presence::unknown;
}

} // namespace

Result<void> bind_unix_path(int fd, const std::string& path, const PathAccess& access,
                            const std::string& shown) {
    const auto to = to_socket_address({.family = AddressFamily::unix_path, .host = path}, "");
    if (!to)
        return to.error();
    // bind(2) makes the path with the mode of the socket's own inode, less the umask
    // (net/unix/af_unix.c, unix_bind_bsd()): with 0 nobody but root gets in until the access is
    // set. The umask would do as well, but it belongs to the whole process.
    if (::fchmod(fd, 0) != 0)
        return svc::system_error("cannot set the mode of " + shown, errno);
    if (::bind(fd, to->get(), to->length) != 0) {
        const int failed = errno;
        return system_error("cannot bind " + shown, failed, remedy_of_bind(failed, path));
    }
    auto given = give_access(path, access, shown);
    if (!given)
        ::unlink(path.c_str());
    return given;
}

Result<void> remove_stale_socket(const std::string& path, int type, const std::string& shown) {
    const auto found = look_at(path);
    if (!found)
        return {}; // not there, or bind(2) will say what is wrong with the way to it
    if (!S_ISSOCK(found->st_mode))
        return Error{"cannot bind " + shown + ": " + path +
                         " is there and is not a socket, so it is left alone; move it away or "
                         "choose another path",
                     EEXIST};
    switch (probe(path, type)) {
    case Presence::somebody:
        return in_use(path, shown);
    case Presence::unknown:
        return system_error("cannot find out whether somebody listens on " + shown, errno,
                            "if nobody does (ss -lxp src " + path + "), remove the path");
    case Presence::nobody:
        break;
    }
    // Somebody else who starts at the same moment may have put his own socket there since.
    const auto again = look_at(path);
    if (!again)
        return {};
    if (!same_inode(*found, *again))
        return in_use(path, shown);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return system_error("cannot remove the stale socket " + path, errno,
                            "remove it, or give the supervisor's user the right to");
    return {};
}

bool is_our_path(const std::string& path, const std::string& link_path) {
    const auto found = look_at(path);
    if (!found || !S_ISSOCK(found->st_mode))
        return false;
    const auto link = look_at(link_path);
    return !link || same_inode(*found, *link);
}

Result<void> link_over(const std::string& from, const std::string& to) {
    const std::string what = "cannot link " + from + " to " + to;
    const auto source = look_at(from);
    if (!source)
        return svc::system_error(what, errno);
    if (!S_ISSOCK(source->st_mode))
        return Error{what + ": " + from + " is not a socket", EINVAL};
    const auto target = look_at(to);
    if (target && same_inode(*source, *target))
        return {}; // rename(2) would do nothing, and leave the temporary name behind
    if (target && !S_ISSOCK(target->st_mode))
        return Error{what + ": " + to +
                         " is there and is not a socket, so it is left alone; move it away",
                     EEXIST};

    const std::string temporary = to + ".svc-new";
    // Left behind by a supervisor that was killed between link and rename.
    if (const auto left = look_at(temporary); left && S_ISSOCK(left->st_mode))
        ::unlink(temporary.c_str());
    if (::link(from.c_str(), temporary.c_str()) != 0) {
        const int failed = errno;
        std::string remedy;
        if (failed == EXDEV)
            remedy = "they are on different file systems, and a hard link cannot cross them";
        else if (failed == EPERM)
            remedy = "a file of another user's can be linked only with CAP_FOWNER "
                     "(fs.protected_hardlinks)";
        else if (failed == ENOENT)
            remedy = "the directory " + parent_of_path(to) + " does not exist";
        return system_error(what, failed, remedy);
    }
    if (::rename(temporary.c_str(), to.c_str()) != 0) {
        const int failed = errno;
        ::unlink(temporary.c_str());
        return svc::system_error(what, failed);
    }
    return {};
}

} // namespace svc::os
