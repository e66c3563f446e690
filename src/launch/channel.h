// The launcher's end of the socketpair.
#pragma once

#include "base/unique_fd.h"
#include "wire/launch_order.h"

#include <vector>

namespace svc::launch {

/// Blocking, and read in exactly the pieces that wire/launch_order.h names, in this order. Where
/// the supervisor has closed its end before GO, the process exits with status 0 from inside these
/// functions: there is nobody left to tell, and nothing was started.
class Channel {
public:
    explicit Channel(int socket) : socket_(socket) {}

    /// Error::code EBADF or ENOTSOCK: there is no socket at all.
    [[nodiscard]] Result<wire::LaunchHeader> receive_header() const;
    [[nodiscard]] Result<wire::LaunchOrder> receive_order(const wire::LaunchHeader& header) const;
    /// Exactly `count` of them, close-on-exec, in the order sent.
    [[nodiscard]] Result<std::vector<UniqueFd>> receive_fds(std::size_t count) const;
    [[nodiscard]] Result<void> wait_for_go() const;

    /// Moves the socket to the first free number from `lowest` on; its old number is free then.
    Result<void> move_above(int lowest);
    /// A supervisor that does not listen any more is not an error.
    void send_failure(const wire::LaunchFailure& failure) const;

private:
    UniqueFd socket_;
};

} // namespace svc::launch
