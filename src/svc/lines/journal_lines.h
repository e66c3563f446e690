// The lines that journalctl writes, as they come.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace svc::cli {

/// journalctl with the caller's own permissions: what it may not see it says itself, on stderr. libsystemd cannot be
/// in a program that is linked statically, which svc is to start quickly.
///
///   running ─ next(): a line, again and again ─ end-of-file → ended (its exit status is known)
///      └ destroyed: journalctl is killed
class JournalLines {
public:
    static Result<JournalLines> start(std::vector<std::string> arguments);
    JournalLines(JournalLines&& other) noexcept;
    JournalLines& operator=(JournalLines&&) = delete;
    ~JournalLines();

    /// The next line, without its end; nullopt at the end. EINTR: `interrupt` (-1: none) became readable. A
    /// line of more than 8 MiB is an error.
    Result<std::optional<std::string>> next(int interrupt);
    /// Of the journalctl that has ended.
    int exit_status();

private:
    JournalLines(pid_t pid, UniqueFd output) : pid_(pid), output_(std::move(output)) {}

    pid_t pid_ = 0; ///< 0: reaped
    UniqueFd output_;
    std::string buffer_;
    std::size_t searched_ = 0; ///< of buffer_: no end of a line is in it
};

} // namespace svc::cli
