#include "os/durable.h"

#include "os/remedy.h"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr std::string_view new_prefix = ".new-";
constexpr std::string_view old_prefix = ".old-";

/// What to do about it, where it is known.
Error cannot(const std::string& what, int error) {
    std::string remedy;
    if (error == ENOSPC || error == EDQUOT)
        remedy = "make room on its file system";
    else if (error == EROFS)
        remedy = "mount its file system writable, or give another --state-dir";
    else if (error == EACCES || error == EPERM)
        remedy = "let the supervisor's user write there, or give another --state-dir";
    return system_error(what, error, remedy);
}

Result<void> write_all(int fd, std::string_view content, const std::string& path) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return cannot("cannot write " + path, errno);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

/// copy_file_range(2) refuses two file systems of different types (EXDEV since Linux 5.19), and some
/// file systems altogether.
bool cannot_copy_inside_the_kernel(int error) {
    return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS;
}

/// A new file in `directory`; not on disk yet.
Result<UniqueFd> make_file(int directory, const std::string& file, const std::string& path,
                           mode_t mode) {
    UniqueFd made(::openat(directory, file.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!made)
        return cannot("cannot make " + path, errno);
    if (::fchmod(made.get(), mode) != 0)
        return cannot("cannot set the mode of " + path, errno);
    return made;
}

Result<void> sync(int fd, const std::string& path) {
    if (::fsync(fd) != 0)
        return cannot("cannot write " + path + " to disk", errno);
    return {};
}

Result<void> sync_directory(const std::string& path) {
    const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return cannot("cannot open the directory " + path, errno);
    if (::fsync(directory.get()) != 0)
        return cannot("cannot write the directory " + path + " to disk", errno);
    return {};
}

struct CloseDirectory {
    void operator()(DIR* stream) const { ::closedir(stream); }
};

/// Plain files only: nothing else is ever put there, and what somebody else put there stays.
Result<void> remove_whole(const std::string& path) {
    const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory)
        return errno == ENOENT ? Result<void>()
                               : cannot("cannot open the directory " + path, errno);
    auto names = list_directory(path, 1000);
    if (!names)
        return names.error();
    for (const std::string& name : *names)
        if (::unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT)
            return cannot("cannot remove " + path + "/" + name, errno);
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
        return cannot("cannot remove the directory " + path, errno);
    return {};
}

} // namespace

NewDirectory::NewDirectory(std::string parent, std::string name, UniqueFd directory)
    : parent_(std::move(parent)), name_(std::move(name)), directory_(std::move(directory)) {}

NewDirectory::NewDirectory(NewDirectory&& other) noexcept = default;

NewDirectory::~NewDirectory() {
    if (directory_)
        (void)remove_whole(parent_ + "/" + std::string(new_prefix) + name_);
}

Result<NewDirectory> NewDirectory::make(const std::string& parent, const std::string& name) {
    const std::string path = parent + "/" + std::string(new_prefix) + name;
    if (auto removed = remove_whole(path); !removed)
        return removed.error();
    if (::mkdir(path.c_str(), 0700) != 0)
        return cannot("cannot make the directory " + path, errno);
    UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory)
        return cannot("cannot open the directory " + path, errno);
    return NewDirectory(parent, name, std::move(directory));
}

Result<void> NewDirectory::write(const std::string& file, std::string_view content, mode_t mode) {
    const auto made = create(file, mode);
    return made ? write_all(made->get(), content, path_of(file)) : made.error();
}

Result<UniqueFd> NewDirectory::create(const std::string& file, mode_t mode) {
    return make_file(directory_.get(), file, path_of(file), mode);
}

void NewDirectory::remove(const std::string& file) {
    ::unlinkat(directory_.get(), file.c_str(), 0);
}

Result<void> NewDirectory::commit() {
    const std::string from = parent_ + "/" + std::string(new_prefix) + name_;
    const std::string to = parent_ + "/" + name_;
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
        // Not every file system knows the flag. rename(2) replaces no directory but an empty one.
        if (errno != EINVAL || ::rename(from.c_str(), to.c_str()) != 0)
            return cannot("cannot put the directory " + to + " in place", errno);
    }
    directory_.reset();
    return sync_directory(parent_);
}

Result<void> copy_whole(int from, int to) {
    if (::ioctl(to, FICLONE, from) == 0)
        return {};
    loff_t offset = 0;
    bool by_range = true;
    for (;;) {
        constexpr std::size_t piece = 16u << 20;
        const ssize_t count = by_range ? ::copy_file_range(from, &offset, to, nullptr, piece, 0)
                                       : ::sendfile(to, from, &offset, piece);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && by_range && cannot_copy_inside_the_kernel(errno)) {
            by_range = false;
            continue;
        }
        if (count < 0)
            return cannot("cannot copy a file", errno);
        if (count == 0)
            return {};
    }
}

Result<void> sync_files(int directory) {
    // A fd of its own, because the stream takes it over.
    const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseDirectory> stream(own < 0 ? nullptr : ::fdopendir(own));
    if (!stream)
        return cannot("cannot read a directory of the history", errno);
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = static_cast<const char*>(entry->d_name);
        if (name == "." || name == "..")
            continue;
        const UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
        if (!file)
            return cannot("cannot open " + name, errno);
        if (auto synced = sync(file.get(), name); !synced)
            return synced;
    }
    return sync(directory, "a directory of the history");
}

Result<void> write_in_one_step(const std::string& directory, const std::string& file,
                               std::string_view content, mode_t mode, Reaches reaches,
                               std::string_view writer) {
    const UniqueFd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return cannot("cannot open the directory " + directory, errno);
    const std::string path = directory + "/" + file;
    // With an end of its own: node_exporter takes every name in its directory that ends in ".prom", this one as well.
    const std::string made = std::string(new_prefix) + file + (writer.empty() ? "" : ".") +
                             std::string(writer) + ".part";
    ::unlinkat(opened.get(), made.c_str(), 0);
    Result<void> written;
    if (const auto target = make_file(opened.get(), made, path, mode); !target)
        written = target.error();
    else if (written = write_all(target->get(), content, path); written && reaches == Reaches::disk)
        written = sync(target->get(), path);
    if (written && ::renameat(opened.get(), made.c_str(), opened.get(), file.c_str()) != 0)
        written = cannot("cannot put " + path + " in place", errno);
    if (!written) {
        ::unlinkat(opened.get(), made.c_str(), 0);
        return written;
    }
    if (reaches == Reaches::disk && ::fsync(opened.get()) != 0)
        return cannot("cannot write the directory " + directory + " to disk", errno);
    return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path, std::size_t limit) {
    const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(path.c_str()));
    if (!stream)
        return cannot("cannot read the directory " + path, errno);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr && errno != 0)
            return cannot("cannot read the directory " + path, errno);
        if (entry == nullptr)
            return names;
        std::string name = static_cast<const char*>(entry->d_name);
        if (name == "." || name == "..")
            continue;
        if (names.size() == limit)
            return Error{"the directory " + path + " has more than " + std::to_string(limit) +
                             " entries, more than is ever sensible here",
                         EFBIG};
        names.push_back(std::move(name));
    }
}

Result<void> remove_directory(const std::string& parent, const std::string& name) {
    const std::string path = parent + "/" + name;
    const std::string doomed = parent + "/" + std::string(old_prefix) + name;
    if (::rename(path.c_str(), doomed.c_str()) != 0)
        return errno == ENOENT ? Result<void>() : cannot("cannot remove " + path, errno);
    return remove_whole(doomed);
}

void remove_leftovers(const std::string& parent) {
    const auto names = list_directory(parent, 100'000);
    if (!names)
        return;
    for (const std::string& name : *names)
        if (name.starts_with(new_prefix) || name.starts_with(old_prefix))
            (void)remove_whole(parent + "/" + name);
}

} // namespace svc::os
