// LogFile: the file that a service's workers write to through us.
#pragma once

#include "base/time.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace svc::daemon {

/// closed ─ opened → open ─ a write fails → failing ─ one succeeds → open
///    └ cannot be opened: failing, tried again with the first write a second later, and by reopen()
///
/// Told is the first failure of a row, and at its end how much is missing. It never waits and never refuses:
/// what cannot be written is dropped, because a full disk must not stop the workers. Nothing else is to append
/// to the file (os/pipe.h, move_to_end()).
class LogFile {
public:
    using Tell = std::function<void(const std::string&)>;
    LogFile(std::string path, std::uint32_t mode, Tell tell);

    /// The next `bytes` of `pipe`, or of none (-1): they are out of it afterwards.
    void write(std::string_view bytes, int pipe);
    /// Another file has its name by now (SIGUSR1). One that cannot be opened leaves it with the old one.
    void reopen();
    /// Of a file that is made from now on.
    void set_mode(std::uint32_t mode) { mode_ = mode; }

private:
    bool open();
    void fail(const std::string& why);
    /// How many were written and are out of the pipe, or the error.
    bool write_some(std::string_view bytes, int pipe, std::size_t& written);

    std::string path_;
    std::uint32_t mode_;
    Tell tell_;
    UniqueFd file_;
    bool splices_ = true; ///< the file system has splice(2)
    bool failing_ = false;
    std::uint64_t dropped_ = 0;
    Instant next_try_{};
};

/// The open ones, each once, for as long as somebody writes there.
class LogFiles {
public:
    std::shared_ptr<LogFile> find(const std::string& path, std::uint32_t mode,
                                  const LogFile::Tell& tell);
    /// How many there are.
    std::size_t reopen();

private:
    std::map<std::string, std::weak_ptr<LogFile>> files_;
};

} // namespace svc::daemon
