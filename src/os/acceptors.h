// Who waits for what comes to a socket, as proc(5) shows it.
#pragma once

#include <span>
#include <sys/types.h>
#include <vector>

namespace svc::os {

struct Acceptors {
    std::vector<bool> waiting; ///< for each socket: a process waits for what comes to it
    bool hidden =
        false; ///< a process could not be looked at (another user's, without CAP_SYS_PTRACE)
};
/// Looks at these processes and their descendants (at most 64 of them, 1024 fds and 256 threads each), and whether
/// one waits on each of `sockets`, which are fds of ours: it is registered for reading in an epoll that the process
/// has, or a thread is right now in accept(2), recv(2) and their like, poll(2) or select(2) for it. Of io_uring
/// nothing can be seen. What a process registered and never waits for counts as waiting, too.
Acceptors find_acceptors(std::span<const pid_t> roots, std::span<const int> sockets);

} // namespace svc::os
