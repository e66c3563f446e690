#include "os/memory_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

Result<UniqueFd> make_memory_file(const std::string& name) {
    UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC));
    if (!fd)
        return system_error("cannot make the memory file " + name, errno);
    return fd;
}

bool is_memory_file(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 0;
}

Result<void> write_at(int fd, std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return system_error("cannot write a memory file", written < 0 ? errno : ENOSPC);
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

Result<std::string> read_at(int fd, std::uint64_t offset, std::uint64_t limit) {
    const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
    if (data < 0 || static_cast<std::uint64_t>(data) >= offset + limit)
        return std::string(); // ENXIO: nothing but a hole
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0)
        return system_error("cannot read a memory file", errno);
    const std::uint64_t end =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(hole), offset + limit);
    std::string bytes(end - offset, '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t count =
            ::pread(fd, bytes.data() + got, bytes.size() - got, static_cast<off_t>(offset + got));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return system_error("cannot read a memory file", errno);
        if (count == 0)
            break;
        got += static_cast<std::size_t>(count);
    }
    bytes.resize(got);
    return bytes;
}

void free_range(int fd, std::uint64_t offset, std::uint64_t length) {
    // What cannot be freed stays: it costs memory and nothing else.
    static_cast<void>(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                  static_cast<off_t>(offset), static_cast<off_t>(length)));
}

} // namespace svc::os
