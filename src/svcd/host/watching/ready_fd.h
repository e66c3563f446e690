// ReadyFd: the read end of the pipe on which a worker says that it is ready, by a newline (s6's way).
#pragma once

#include "svcd/host/children/loop.h"

#include <optional>
#include <string>

namespace svc::daemon {

/// quiet ─ listen() → listening ─ a newline, the end of file, or too much else → quiet
///
/// What was written before listen() is heard then. The read end stays open afterwards, unread: a worker
/// that writes once more must not be killed by SIGPIPE for it.
class ReadyFd {
public:
    /// `told` is called once for each listen(): why it failed, or empty.
    ReadyFd(boost::asio::io_context& io, UniqueFd read_end,
            std::function<void(std::string failure)> told)
        : io_(io), unwatched_(std::move(read_end)), told_(std::move(told)) {}

    void listen();
    void stop() { listening_ = false; }
    [[nodiscard]] int fd() const { return watch_ ? watch_->fd() : unwatched_.get(); }

private:
    void wait();
    void read();
    void tell(std::string failure);

    boost::asio::io_context& io_;
    UniqueFd unwatched_; ///< until the first listen()
    std::optional<Watch> watch_;
    std::function<void(std::string failure)> told_;
    bool listening_ = false;
    std::size_t ignored_ = 0; ///< bytes that came before a newline
};

} // namespace svc::daemon
