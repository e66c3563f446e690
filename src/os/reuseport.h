// Which socket of a SO_REUSEPORT group gets the next connection (socket(7), SO_ATTACH_REUSEPORT_CBPF).
//
// The kernel keeps a group as an array: listen(2) appends, and when a socket stops listening the last one
// takes its place (reuseport_add_sock() and __reuseport_detach_sock(), net/core/sock_reuseport.c). A
// program that returns a place in it needs no privilege.
#pragma once

#include "base/result.h"

#include <cstdint>

namespace svc::os {

/// From now on every new connection of the group that `fd` is in goes to the socket at `place`, from 0; by
/// hash if there is no such place. In force for all members at once, in place of what was there before.
Result<void> steer_group(int fd, std::uint32_t place);

} // namespace svc::os
