// The listening sockets: inherited from a supervisor, or our own when run by hand.
#pragma once

#include "fd.h"

#include <string>
#include <vector>

namespace web {

/// A socket that listens. What "shared" means for the code that uses it:
///
/// The supervisor and every worker of every version hold the *same* open file description. So
///   - O_NONBLOCK, the backlog and shutdown() act on all of them: a worker changes none of these;
///   - close() takes away only our reference. Connections in the queue stay for the others;
///   - epoll forgets a socket when its last reference is gone (epoll(7), questions and answers 6),
///     which is never while the supervisor lives: take it out of the epoll set before closing it.
struct Listener {
    Fd fd;
    bool shared = false;   ///< false: we made it, and what is queued when we close it is lost
    bool blocking = false; ///< O_NONBLOCK is not set, and not ours to set
};

/// The sockets of LISTEN_FDS (sd_listen_fds(3)) or of SERVER_STARTER_PORT (start_server(1)), with
/// close-on-exec set and the variables removed from the environment; empty if there are none.
/// Something that is not a listening stream socket ends the program.
std::vector<Listener> inherited_listeners();

/// A listener of our own at "HOST:PORT" or "PORT" (IPv4, literal), for a run without a supervisor.
Listener open_listener(const std::string& address);

/// Takes one connection: non-blocking and close-on-exec. Empty with errno set: EAGAIN if another
/// worker was faster, which is normal.
Fd accept_connection(const Listener& listener);

} // namespace web
