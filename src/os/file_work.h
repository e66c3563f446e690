// Long work on files, done by a child of ours: a slow disk holds that child up, and not us.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"

#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace svc::os {

/// A child that was forked for one piece of work, and executes nothing. It has none of our fds but those
/// that it works on (no listener stays open through it), no signal reaches it but SIGKILL, and it dies with
/// us. Its end is the end of `answer`, so nobody has to hear of its SIGCHLD: it is only to be reaped.
///
///   working ─ answer, end-of-file → ended
///      └ killed (end_file_work(), or our own death): end-of-file without an answer
struct FileWork {
    UniqueFd pidfd;
    UniqueFd answer; ///< non-blocking
};

/// Does `work` in such a child, which keeps these two of our fds (-1: none).
Result<FileWork> start_work(int first, int second,
                            const std::function<Result<std::string>()>& work);

/// SHA-256 as read_digest() of os/executable.h says. The answer is the digest, or empty.
Result<FileWork> start_digest(int fd);
/// copy_whole() and sync_files() of os/durable.h. The answer is empty.
Result<FileWork> start_copy(int from, int to);
Result<FileWork> start_sync(int directory);
/// write_in_one_step() of os/durable.h, to the disk. The answer is empty.
Result<FileWork> start_writing(const std::string& directory, const std::string& file,
                               const std::string& content, mode_t mode);
/// SIGKILL; nothing happens to one that has ended.
void end_file_work(const FileWork& work);

/// Blocks until it has answered, `bound` at most, and reaps it. For who has no loop yet, or nothing else to do.
Result<std::string> await_answer(FileWork work, Duration bound);
/// All that came through `answer`, or the error that the child met.
Result<std::string> parse_file_answer(std::string_view received);

} // namespace svc::os
