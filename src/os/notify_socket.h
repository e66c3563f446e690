// The notify socket of one worker, and our own messages to the service manager.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// A bound, non-blocking AF_UNIX datagram socket with SO_PASSCRED at `path` (an old file there is
/// removed). Mode 0600 and owned by `owner` where one is given and we may; 0666 if `anyone`.
Result<UniqueFd> open_notify_socket(const std::string& path, std::optional<uid_t> owner,
                                    bool anyone);

struct Datagram {
    std::string bytes; ///< at most 4096
    pid_t sender = 0;  ///< 0: already gone, or in a pid namespace that we cannot see
    uid_t uid = static_cast<uid_t>(-1); ///< -1, which is nobody's, if the kernel did not say
    std::vector<UniqueFd> fds;          ///< close-on-exec, the caller's
    bool fds_lost = false; ///< more fds came than this process may open; the rest are closed
};
/// The next datagram; nullopt: nothing more to read now. One over 4096 bytes is cut there.
Result<std::optional<Datagram>> receive_datagram(int socket);
/// The same, and it stays the next one: its fds are copies.
Result<std::optional<Datagram>> peek_datagram(int socket);
/// The text of the next datagram, which stays the next one; empty: there is none, or it has none.
std::string peek_text(int socket);

/// Tells the service manager, never blocking: a full or missing socket loses the message (returns
/// false).
class ManagerSocket {
public:
    /// From NOTIFY_SOCKET, which is unset: no worker may speak to our manager in our name. Without
    /// one, or with one that is neither a path nor an abstract name (vsock:), send() does nothing
    /// and returns false. FDSTORE, which says how much the manager keeps for us, goes with it.
    static ManagerSocket take();
    bool send(std::string_view message) const;
    /// With one fd, which stays the caller's, or -1. False: the manager has no room now, try again
    /// soon. An error: this message will not arrive, however often it is sent.
    [[nodiscard]] Result<bool> try_send(std::string_view message, int fd) const;
    /// Somebody reads, or could read, what is sent. Of a socket that was closed what lay unread in it
    /// is thrown away after its name is free: who sees the end of a fd that lay there sees false.
    [[nodiscard]] bool reachable() const;
    [[nodiscard]] bool present() const { return static_cast<bool>(fd_); }
    /// How many fds the manager keeps for us (FDSTORE, sd_notify(3)); nullopt: it did not say, as
    /// systemd before 254 does not.
    [[nodiscard]] std::optional<std::size_t> store_limit() const { return store_limit_; }

private:
    std::optional<std::size_t> store_limit_;
    UniqueFd fd_;
    std::string address_; ///< the bytes of a sockaddr_un
};

/// How often the service manager wants to hear WATCHDOG=1 of this process (WATCHDOG_USEC, WATCHDOG_PID:
/// sd_watchdog_enabled(3)); nullopt: never. Both variables are unset: a worker has a watchdog of its own.
std::optional<std::chrono::microseconds> take_watchdog();

} // namespace svc::os
