// ErrorOutput: writes to our own stderr that never block.
#pragma once

#include "base/unique_fd.h"

#include <string_view>

namespace svc::os {

/// Our stderr's open file is shared with whoever started us, and with every worker's stdout. So
/// O_NONBLOCK, which belongs to the open file, is never set on it:
///   - a socket (the journal's stream) takes MSG_DONTWAIT;
///   - a pipe or a terminal is opened a second time through /proc/self/fd, non-blocking, which
///     makes an open file of our own. Where we may not (another user's pipe), poll(2) says when
///     PIPE_BUF bytes fit; another writer may fill the pipe between the two calls, and then a write
///     waits for the reader: the one case left in which the supervisor can block;
///   - a regular file never waits for a reader.
class ErrorOutput {
public:
    explicit ErrorOutput(int fd);

    /// As write(2): how many bytes were taken, or -1 and errno; EAGAIN means that it is full now.
    [[nodiscard]] long write_some(std::string_view bytes) const;
    /// What to wait for. Its open file may be the shared one.
    [[nodiscard]] int fd() const { return fd_; }

private:
    enum class Kind { plain, socket, polled };
    void open_again(int fd);

    int fd_;       // the one given, or own_'s; -1: there is none
    UniqueFd own_; // opened again
    Kind kind_ = Kind::plain;
};

} // namespace svc::os
