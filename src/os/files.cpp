#include "os/files.h"

#include "base/unique_fd.h"
#include "os/remedy.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

namespace {

std::string_view kind_of_file(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "a file";
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a fifo";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    }
    return "not a regular file";
}

Error too_large(const std::string& path, std::size_t limit) {
    return Error{"cannot read " + path + ": it is larger than " + std::to_string(limit) +
                     " bytes, more than is ever sensible here",
                 EFBIG};
}

/// One missing directory. `umask` narrows what mkdir(2) was asked for, so the mode is set again on
/// the directory just made: a parent that the worker's user cannot enter hides everything below.
Result<void> make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0) {
        if (errno != EEXIST)
            return svc::system_error("cannot make the directory " + path, errno);
        struct stat found {};
        if (::stat(path.c_str(), &found) != 0)
            return svc::system_error("cannot look at " + path, errno);
        if (!S_ISDIR(found.st_mode))
            return Error{"cannot make the directory " + path + ": " +
                             std::string(kind_of_file(found.st_mode)) + " is in its place",
                         ENOTDIR};
        return {};
    }
    const UniqueFd made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made || ::fchmod(made.get(), mode) != 0)
        return svc::system_error("cannot set the mode of the directory " + path, errno);
    return {};
}

std::string below(const std::string& directory, const std::string& path) {
    if (path.starts_with('/') || directory.empty())
        return path;
    return directory.ends_with('/') ? directory + path : directory + "/" + path;
}

/// 0 if `path` is a regular file that we may execute, else the errno that says why not.
int why_not_executable(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        return errno;
    if (!S_ISREG(found.st_mode))
        return S_ISDIR(found.st_mode) ? EISDIR : ENOEXEC;
    // AT_EACCESS: execve(2) asks the effective ids, access(2) alone the real ones.
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Error not_executable(const std::string& path, int why) {
    const std::string what = "cannot execute " + path;
    if (why == ENOEXEC)
        return Error{what + ": it is not a regular file", why};
    if (why == EACCES)
        return system_error(what, why,
                            "it needs the executable bit (chmod +x), a path whose directories may "
                            "be entered, and a file system not mounted noexec");
    return svc::system_error(what, why);
}

} // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    // O_NONBLOCK: opening a fifo without a writer would wait for one (fifo(7)); it means nothing
    // for the regular files that pass the check below. O_NOCTTY: nor may a terminal become ours.
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file)
        return svc::system_error("cannot open " + path, errno);
    struct stat found {};
    if (::fstat(file.get(), &found) != 0)
        return svc::system_error("cannot look at " + path, errno);
    if (!S_ISREG(found.st_mode))
        return Error{"cannot read " + path + ": it is " + std::string(kind_of_file(found.st_mode)) +
                         ", not a regular file",
                     EINVAL};
    // st_size is only a hint: it is 0 for files in /proc, and a file may grow while it is read.
    if (static_cast<std::uint64_t>(found.st_size) > limit)
        return too_large(path, limit);

    std::string content;
    std::array<char, 16 * 1024> chunk;
    for (;;) {
        const ssize_t count = ::read(file.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return svc::system_error("cannot read " + path, errno);
        if (count == 0)
            return content;
        if (static_cast<std::size_t>(count) > limit - content.size())
            return too_large(path, limit);
        content.append(chunk.data(), static_cast<std::size_t>(count));
    }
}

std::string read_unsized(const std::string& path) {
    constexpr std::size_t limit = 65536;
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    std::size_t length = 0;
    while (file && length < limit) {
        text.resize(length + 4096);
        const ssize_t count = ::read(file.get(), text.data() + length, text.size() - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        length += static_cast<std::size_t>(count);
    }
    text.resize(length);
    return text;
}

Result<void> make_directories(const std::string& path, mode_t mode) {
    constexpr mode_t parent_mode = 0755;
    if (path.empty())
        return Error{"cannot make a directory without a name", ENOENT};
    // From the left, so that each parent is there before its child; "a//b" and "a/b/" are "a/b".
    for (std::size_t end = 0; end != std::string::npos;) {
        const std::size_t begin = path.find_first_not_of('/', end);
        if (begin == std::string::npos)
            break;
        end = path.find('/', begin);
        const bool last = path.find_first_not_of('/', end) == std::string::npos;
        if (auto made = make_directory(path.substr(0, end), last ? mode : parent_mode); !made)
            return made;
    }
    return {};
}

void remove_file(const std::string& path) {
    [[maybe_unused]] const int removed = ::unlink(path.c_str());
}

Result<std::string> resolve_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                            ::free);
    if (!resolved)
        return svc::system_error("cannot resolve " + path, errno);
    return std::string(resolved.get());
}

Result<std::string> find_executable(const std::string& name, std::string_view search_path,
                                    const std::string& directory) {
    if (name.empty())
        return Error{"cannot execute a command without a name", ENOENT};
    if (name.find('/') != std::string::npos) {
        const std::string path = below(directory, name);
        const int why = why_not_executable(path);
        if (why != 0)
            return not_executable(path, why);
        return path;
    }
    // As execvp(3): a candidate that cannot be executed does not end the search, but is what the
    // error names if nothing better follows.
    std::string refused;
    int refused_why = 0;
    for (std::size_t begin = 0; begin <= search_path.size();) {
        const std::size_t end = std::min(search_path.find(':', begin), search_path.size());
        const std::string entry(search_path.substr(begin, end - begin));
        const std::string path = below(directory, entry.empty() ? "./" + name : below(entry, name));
        const int why = why_not_executable(path);
        if (why == 0)
            return path;
        if (refused.empty() && why != ENOENT && why != ENOTDIR) {
            refused = path;
            refused_why = why;
        }
        begin = end + 1;
    }
    if (!refused.empty())
        return not_executable(refused, refused_why);
    return Error{"cannot find " + name + " in PATH (" + std::string(search_path) +
                     "); write the command with its full path",
                 ENOENT};
}

Result<FileStat> stat_file(const std::string& path) {
    constexpr std::int64_t nanoseconds = 1'000'000'000;
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        return svc::system_error("cannot look at " + path, errno);
    return FileStat{
        .device = found.st_dev,
        .inode = found.st_ino,
        .size = static_cast<std::uint64_t>(found.st_size),
        .modified_ns = found.st_mtim.tv_sec * nanoseconds + found.st_mtim.tv_nsec,
        .changed_ns = found.st_ctim.tv_sec * nanoseconds + found.st_ctim.tv_nsec,
    };
}

} // namespace svc::os
