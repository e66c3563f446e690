// From the text of an address to what connect() takes.
#pragma once

#include "base/address.h"

#include <sys/socket.h>

namespace svc::loadgen {

/// `target` is an IP literal, a path or an abstract name that parse_address accepted. Returns the
/// length.
socklen_t socket_address(const Address& target, sockaddr_storage& storage);

} // namespace svc::loadgen
