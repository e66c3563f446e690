// OutputRelay: passes on what one process writes to its stderr, and remembers the last lines.
#pragma once

#include "svcd/host/error_sink.h"
#include "svcd/host/output_tail.h"

#include <functional>
#include <memory>
#include <string>

namespace svc::daemon {

/// reading ─ the sink is full → blocked (the pipe is not read: the worker waits as it would with a
/// stderr of its own; nothing is lost) ─ room → reading ─ end of file → closed.
///
/// Descendants of a worker may keep the pipe open after it died: the relay lives until the end of
/// file, but nobody waits for that to report the worker's exit. O_NONBLOCK is set on the read end
/// only: the two ends of a pipe are two open files.
class OutputRelay {
public:
    /// `sink` may be null: the lines are only remembered.
    static Result<std::unique_ptr<OutputRelay>> make(boost::asio::io_context& io, UniqueFd read_end,
                                                     ErrorSink* sink);
    OutputRelay(const OutputRelay&) = delete;
    OutputRelay& operator=(const OutputRelay&) = delete;
    ~OutputRelay();

    /// Reads what is in the pipe now (at most its usual capacity), so that lines() is complete when
    /// the process has ended, even if the sink is full.
    void drain();
    [[nodiscard]] std::vector<std::string> lines() const { return tail_.lines(); }
    [[nodiscard]] int fd() const { return watch_.fd(); }
    /// Calls `then` once, from the loop, when the end of file has been read and all is passed on;
    /// it may destroy the relay.
    void when_closed(std::function<void()> then);

private:
    OutputRelay(boost::asio::io_context& io, Watch watch, ErrorSink* sink);
    enum class Read { some, nothing, end };
    Read read_once();
    void go_on();
    void pass_on();

    Watch watch_;
    ErrorSink* sink_;
    Later again_;
    std::function<void()> closed_;
    OutputTail tail_;
    std::string pending_; // read and not yet taken by the sink
    bool at_end_ = false;
};

} // namespace svc::daemon
