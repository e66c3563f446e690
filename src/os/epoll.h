// An epoll instance of our own (epoll(7)), for fds that an event loop must not watch itself: it would
// set O_NONBLOCK on them, or ask for more events than are wanted. The instance is an fd too, readable
// when something happened to one of its members, and that an event loop may watch.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <vector>

namespace svc::os {

Result<UniqueFd> make_epoll();

enum class EpollFor {
    hangup, ///< that it was shut down, told once; data and connections that come in tell nothing
    room,   ///< that it takes bytes, told for as long as it does
};

/// `key` is what epoll_keys() gives for it.
Result<void> epoll_add(int epoll, int fd, EpollFor what, std::uint64_t key);
/// To be called before `fd` is closed: as long as another process holds the same open file, the
/// entry would live on. Nothing happens to a fd that was never added.
void epoll_remove(int epoll, int fd);
/// The keys to which something happened, each once, in ascending order; without waiting.
std::vector<std::uint64_t> epoll_keys(int epoll);

} // namespace svc::os
