// FileJob: one piece of work on files that a child does (os/file_work.h), from its start to its answer.
#pragma once

#include "os/file_work.h"
#include "svcd/host/children/loop.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace svc::daemon {

class FileJob {
public:
    using Done = std::function<void(Result<std::string>)>;

    /// More than any sentence.
    static constexpr std::size_t usual_limit = 64 * 1024;

    /// `done` is called once, from the loop, and may destroy the object. `limit`: an answer is no longer than that.
    FileJob(boost::asio::io_context& io, Result<os::FileWork> work, Done done,
            std::size_t limit = usual_limit);
    FileJob(const FileJob&) = delete;
    FileJob& operator=(const FileJob&) = delete;
    /// Kills the child if it still works.
    ~FileJob();

    /// Blocks until the child has answered, and calls `done`. It has not been called yet.
    void finish_now();

private:
    void tell();
    void await_more();
    void read();
    void finish(Result<std::string> answer);

    std::optional<os::FileWork> work_; ///< none: it has ended
    std::optional<Watch> watch_;
    std::string received_;
    std::size_t limit_;
    bool ended_ = false;
    Result<std::string> answer_;
    Done done_;
    Later tell_;
};

/// Its answer; cancelling the coroutine ends the child.
boost::asio::awaitable<Result<std::string>> finish_job(boost::asio::io_context& io,
                                                       Result<os::FileWork> work);

} // namespace svc::daemon
