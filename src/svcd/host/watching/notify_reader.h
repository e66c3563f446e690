// NotifyReader: the notify socket of one worker, read so that it is never full.
#pragma once

#include "os/notify_socket.h"
#include "svcd/host/children/loop.h"

#include <functional>
#include <memory>
#include <string>

namespace svc::daemon {

/// A worker that is not listened to hangs: its sends block once some 280 datagrams wait. So every
/// wakeup reads; but only a batch, after which the rest of the loop gets its turn, so that a worker
/// that floods its socket slows down nobody but itself. Unlinks the path when destroyed.
///
/// READY=1 and MAINPID= are said once, and a supervisor that dies with them read and not written would leave
/// its successor waiting for them: they are taken out of the socket only once keep() has returned. So they are
/// heard at least once. Everything else is said again, or means nothing later.
class NotifyReader {
public:
    struct Handlers {
        std::function<void(os::Datagram)> datagram;
        std::function<void()> keep;        ///< what was said is to be where it survives us
        std::function<void()> batch_ended; ///< after the last datagram of a batch
    };
    static Result<std::unique_ptr<NotifyReader>> make(boost::asio::io_context& io, std::string path,
                                                      UniqueFd socket, Handlers handlers);
    NotifyReader(const NotifyReader&) = delete;
    NotifyReader& operator=(const NotifyReader&) = delete;
    ~NotifyReader();

    /// Reads all that a process which is gone has left, without waiting for the loop.
    void drain();
    [[nodiscard]] int fd() const { return watch_.fd(); }

private:
    NotifyReader(boost::asio::io_context& io, std::string path, Watch watch, Handlers handlers);
    /// True: there may be more.
    bool read_batch(int limit);
    /// False: there was nothing to read.
    bool read_one();
    void go_on();

    std::string path_;
    Watch watch_;
    Later again_;
    Handlers handlers_;
};

} // namespace svc::daemon
