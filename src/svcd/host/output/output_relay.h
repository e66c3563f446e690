// OutputRelay: passes on what one process writes, and remembers the last lines.
#pragma once

#include "svcd/host/output/output_place.h"
#include "svcd/host/output/output_tail.h"

#include <functional>
#include <memory>
#include <string>

namespace svc::daemon {

/// The pipe is the buffer: what is in it is looked at, passed on, and only then taken out. Its read end is in
/// the fd store, so whoever comes after us goes on with what we had not passed on.
///
///   reading ─ the place is full → blocked (the pipe is not read: the worker waits as it would with a
///      │ ▲                        stderr of its own; nothing is lost) ─ room → reading
///      │ └ it goes on, or 50 ms passed ─ partial
///      ├ a line has only begun, and the place takes lines → partial
///      └ end of file → closed
///
/// A line is passed on in pieces where it is longer than 16 KiB, or stands still for 50 ms (a prompt).
/// Descendants of a worker may keep the pipe open after it died: the relay lives until the end of
/// file, but nobody waits for that to report the worker's exit. O_NONBLOCK is set on the read end
/// only: the two ends of a pipe are two open files.
class OutputRelay {
public:
    /// `place` may be null: the lines are only remembered.
    static Result<std::unique_ptr<OutputRelay>> make(boost::asio::io_context& io, UniqueFd read_end,
                                                     std::unique_ptr<OutputPlace> place);
    OutputRelay(const OutputRelay&) = delete;
    OutputRelay& operator=(const OutputRelay&) = delete;
    ~OutputRelay();

    /// Reads what is in the pipe now (at most what fits into the largest), so that lines() is complete when
    /// the process has ended, even if the place is full.
    void drain();
    [[nodiscard]] std::vector<std::string> lines() const { return tail_.lines(); }
    [[nodiscard]] int fd() const { return watch_.fd(); }
    /// What drain() took out of the pipe is not all passed on: only we have it.
    [[nodiscard]] bool has_pending() const { return !pending_.empty(); }
    /// Calls `then` once, from the loop, when the end of file has been read and all is passed on;
    /// it may destroy the relay.
    void when_closed(std::function<void()> then);

private:
    OutputRelay(boost::asio::io_context& io, Watch watch, std::unique_ptr<OutputPlace> place);
    enum class Turn { passed, nothing, partial, full, end };
    /// `whole`: also the beginning of a line.
    Turn pass_some(bool whole);
    void go_on();
    void look_again(bool whole);
    bool pass_pending();
    void tell_closed();

    Watch watch_;
    std::unique_ptr<OutputPlace> place_;
    Later again_;
    Alarm partial_;
    std::function<void()> closed_;
    OutputTail tail_;
    std::string pending_; // taken out of the pipe while the place was full: of a process that ended
    bool at_end_ = false;
};

} // namespace svc::daemon
