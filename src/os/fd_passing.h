// SCM_RIGHTS (unix(7)). Never more than 253 fds a message: the kernel refuses 254 with EINVAL.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace svc::os {

/// Sends what the socket takes now (MSG_DONTWAIT | MSG_NOSIGNAL): the number of bytes taken, and
/// the fds went with them if that is not 0. 0: the socket is full, wait until it is writable.
/// `bytes` must not be empty; at most 253 fds, which stay the caller's.
Result<std::size_t> send_with_fds(int socket, std::string_view bytes, std::span<const int> fds);

struct Received {
    std::size_t bytes = 0;     ///< 0: end of file
    std::vector<UniqueFd> fds; ///< close-on-exec, the caller's
    bool fds_lost = false; ///< MSG_CTRUNC: more fds came than there was room for; they are closed
};
/// Blocking or not as the socket is; EAGAIN comes back as Error::code. EINTR is retried.
Result<Received> receive_with_fds(int socket, std::span<std::byte> buffer);

} // namespace svc::os
