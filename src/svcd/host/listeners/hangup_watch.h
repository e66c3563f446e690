// HangupWatch: tells when somebody shut down a listening socket, and nothing else.
#pragma once

#include "svcd/host/children/loop.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace svc::daemon {

/// An epoll fd of our own, in which the listeners are entered without any event: the kernel reports
/// EPOLLHUP and EPOLLERR all the same (epoll_ctl(2)), and EPOLLRDHUP for a unix listener that was
/// shut down for reading. A connection that comes in wakes nobody: a supervisor that waits for its
/// listeners to be readable wakes at every one of them. Edge-triggered, so that what cannot be
/// repaired is told once.
///
/// The entry of a socket must be removed before its fd is closed: workers hold the same open file,
/// and with it the entry would live on.
class HangupWatch {
public:
    /// `hung_up` gets the keys given to add(), each once a wakeup.
    static Result<HangupWatch> make(boost::asio::io_context& io,
                                    std::function<void(std::uint64_t key)> hung_up);

    Result<void> add(int fd, std::uint64_t key);
    void remove(int fd);

private:
    HangupWatch(Watch watch, std::function<void(std::uint64_t key)> hung_up);
    struct Core;
    std::shared_ptr<Core> core_;
};

} // namespace svc::daemon
