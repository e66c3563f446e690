// Setting the options of a listening socket: base/listener_options.h says what they are.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "os/socket_kind.h"

namespace svc::os {

/// An option that this kind of address does not have is an error, never a setting without effect.
Result<void> check_options_suit(const Address& address, const ListenerOptions& options);

/// What has to be set before bind(2).
Result<void> set_creation_options(int fd, const Address& address, const ListenerOptions& options);

/// The live ones but the backlog. All are tried; the first failure is the result.
Result<void> set_live_options(int fd, SocketKind kind, const Address& address,
                              const ListenerOptions& options);

Result<void> set_option(int fd, int level, int name, int value, const std::string& what,
                        const Address& address);

} // namespace svc::os
