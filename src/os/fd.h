// What one does with any file descriptor.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstddef>
#include <optional>
#include <span>

namespace svc::os {

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
/// Close-on-exec, both ends blocking: each is an open file of its own, and O_NONBLOCK of one that is
/// passed on would be the other process's.
Result<Pipe> make_pipe();

/// Connected to each other (AF_UNIX, SOCK_STREAM); with ends as those of a pipe.
Result<Pipe> make_socket_pair();

/// Another fd of the same open file, close-on-exec.
Result<UniqueFd> duplicate(int fd);

/// read(2) of a non-blocking fd: how many bytes came, 0 at the end of file, nullopt if there is
/// nothing to read now. EINTR is retried.
Result<std::optional<std::size_t>> read_some(int fd, std::span<char> buffer);

/// The same of a socket, with what came left in it.
Result<std::optional<std::size_t>> peek_some(int socket, std::span<char> buffer);

/// Blocks until there is something to read, or the end of file. EINTR is retried.
void wait_readable(int fd);

} // namespace svc::os
