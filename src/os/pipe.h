// What can be done with a pipe besides reading it: look at it, and move what is in it in one step.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <optional>
#include <span>

namespace svc::os {

/// What peek_pipe() shows at most, if the pipe has it in as many pages as a pipe usually has.
inline constexpr std::size_t peek_limit = 65536;

/// As read_some(), but what was seen stays in the pipe (tee(2)): a process that ends between reading and
/// passing on loses nothing. 0: the end of file.
Result<std::optional<std::size_t>> peek_pipe(int pipe, std::span<char> buffer);
/// Takes `count` bytes, which are known to be there, out of the pipe.
Result<void> discard(int pipe, std::size_t count);
/// Moves `count` bytes, which are known to be there, out of the pipe and to the end of a regular file, with one
/// call (splice(2)): whatever kills us, each byte is in one of the two. How many were moved.
/// The end is looked for before: whoever else appends to the file at the same time may be overwritten, and the
/// file must not be open with O_APPEND (splice(2), EINVAL).
Result<std::size_t> move_to_end(int pipe, int file, std::size_t count);
/// As large as this process may make it, at most 1 MiB: a writer goes on for so long while nobody reads.
void enlarge_pipe(int pipe);
/// Appends what is in no pipe any more.
Result<std::size_t> append(int file, std::span<const char> bytes);

} // namespace svc::os
