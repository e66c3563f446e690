// Who is at the other end of a unix socket (unix(7), SO_PEERCRED).
#pragma once

#include <optional>
#include <sys/types.h>

namespace svc::os {

/// Of a connection that was made with connect(2): the process that called listen(2) on the other side,
/// and not the one that accepts, which is somebody else as soon as a listener was passed on. 0: it is in a
/// pid namespace that we cannot see. nullopt: no unix socket, or not connected.
std::optional<pid_t> listening_process(int fd);

} // namespace svc::os
