#include "os/pipe.h"

#include "os/fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace svc::os {

namespace {

/// Empty between two calls. One for the process, which has one thread.
Result<Pipe>& scratch() {
    static Result<Pipe> pipe = make_pipe();
    return pipe;
}

Result<off_t> end_of(int file) {
    const off_t end = ::lseek(file, 0, SEEK_END);
    if (end < 0)
        return system_error("cannot find the end of the file", errno);
    return end;
}

} // namespace

Result<std::optional<std::size_t>> peek_pipe(int pipe, std::span<char> buffer) {
    auto& copy = scratch();
    if (!copy)
        return copy.error();
    ssize_t copied = 0;
    do
        copied = ::tee(pipe, copy->write_end.get(), buffer.size(), SPLICE_F_NONBLOCK);
    while (copied < 0 && errno == EINTR);
    if (copied < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return std::optional<std::size_t>();
    if (copied < 0)
        return system_error("cannot look into the pipe", errno);
    std::size_t seen = 0;
    while (seen < static_cast<std::size_t>(copied)) {
        const ssize_t count = ::read(copy->read_end.get(), buffer.data() + seen,
                                     static_cast<std::size_t>(copied) - seen);
        if (count > 0)
            seen += static_cast<std::size_t>(count);
        else if (count == 0 || errno != EINTR)
            return system_error("cannot look into the pipe", count == 0 ? EIO : errno);
    }
    return std::optional(seen);
}

Result<void> discard(int pipe, std::size_t count) {
    std::array<char, 16384> buffer; // NOLINT: filled by read()
    while (count > 0) {
        const ssize_t taken = ::read(pipe, buffer.data(), std::min(count, buffer.size()));
        if (taken > 0)
            count -= static_cast<std::size_t>(taken);
        else if (taken == 0 || errno != EINTR)
            return system_error("cannot read the pipe", taken == 0 ? EIO : errno);
    }
    return {};
}

Result<std::size_t> move_to_end(int pipe, int file, std::size_t count) {
    const auto end = end_of(file);
    if (!end)
        return end.error();
    off_t at = *end;
    ssize_t moved = 0;
    do
        moved = ::splice(pipe, nullptr, file, &at, count, SPLICE_F_NONBLOCK);
    while (moved < 0 && errno == EINTR);
    if (moved < 0)
        return system_error("cannot write", errno);
    return static_cast<std::size_t>(moved);
}

void enlarge_pipe(int pipe) {
    // Above what fs.pipe-user-pages-soft leaves the user, or fs.pipe-max-size: refused (pipe(7)).
    for (int size = 1 << 20; size > 65536; size /= 2)
        if (::fcntl(pipe, F_SETPIPE_SZ, size) >= 0)
            return;
}

Result<std::size_t> append(int file, std::span<const char> bytes) {
    const auto end = end_of(file);
    if (!end)
        return end.error();
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), *end);
    if (written < 0)
        return system_error("cannot write", errno);
    return static_cast<std::size_t>(written);
}

} // namespace svc::os
