// A file in memory that is handed from one process to the next (memfd_create(2)).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace svc::os {

/// Close-on-exec; `name` is what /proc/PID/fd shows.
Result<UniqueFd> make_memory_file(const std::string& name);
/// Whether `fd` is a regular file without a name on disk, which is what a memfd looks like from within.
bool is_memory_file(int fd);
/// All of `bytes` at `offset`, or an error. A process that is killed meanwhile leaves a part of them.
Result<void> write_at(int fd, std::uint64_t offset, std::string_view bytes);
/// What is there from `offset` on, up to `limit` bytes or the first hole behind the data.
Result<std::string> read_at(int fd, std::uint64_t offset, std::uint64_t limit);
/// Gives the memory of `length` bytes back: they read as zeros.
void free_range(int fd, std::uint64_t offset, std::uint64_t length);

} // namespace svc::os
