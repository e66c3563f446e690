// AcceptorWatch: tells when a starting worker waits for connections on every listener that it shares with others.
#pragma once

#include "svcd/host/children/loop.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace svc::daemon {

/// A listener of a worker's: any of its sockets will do.
struct WatchedListener {
    std::string name;
    std::vector<int> fds;
};

/// looking ─ somebody waits on each → over
///
/// Looks at once, then again and again, soon at first and less often later. The old worker's processes are not
/// looked at, so its waiting on the same sockets is never taken for this one's.
class AcceptorWatch {
public:
    struct Handlers {
        std::function<std::vector<pid_t>()> processes; ///< the roots of its trees of processes
        /// What is still missing, each time that it changes; empty, once, when nothing is.
        std::function<void(std::string missing)> tell;
    };
    AcceptorWatch(boost::asio::io_context& io, std::vector<WatchedListener> listeners,
                  Handlers handlers);
    AcceptorWatch(const AcceptorWatch&) = delete;
    AcceptorWatch& operator=(const AcceptorWatch&) = delete;

private:
    void look();
    [[nodiscard]] std::string find_missing() const;

    std::vector<WatchedListener> listeners_;
    Handlers handlers_;
    Alarm again_;
    Duration pause_;
    std::string missing_;
};

} // namespace svc::daemon
