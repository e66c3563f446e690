// Making, adjusting and repairing one listening socket.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <map>
#include <string>
#include <vector>

namespace svc::os {

/// Socket, options, bind and listen. A stale unix path is replaced only if nobody listens there.
/// Errors name the address and the remedy ("cannot bind 0.0.0.0:80: Address already in use; find
/// its owner with: ss -ltnp 'sport = :80'"). The fd is close-on-exec. For AddressFamily::systemd
/// use take_systemd_sockets().
Result<UniqueFd> open_listener(const Address& address, const ListenerOptions& options);

/// The live options, each one set; unset ones are left as they are. listen() again with the backlog
/// (not for UDP).
Result<void> apply_live_options(int fd, const Address& address, const ListenerOptions& options);

/// getsockname(2): the port that the kernel picked.
Result<Address> bound_address(int fd);

/// What a worker can have done to a shared socket.
struct Damage {
    bool shut_down = false; ///< shutdown(2): refuses everybody until listen() again
    bool backlog_shrunk = false;
    bool path_gone = false; ///< unix: unlinked or replaced by something else
};
/// `options.backlog` is what it should be; `link_path` the private hard link of a unix socket's
/// path ("" for none).
Damage inspect(int fd, const Address& address, const ListenerOptions& options,
               const std::string& link_path);
/// Repairs what inspect() found; an error says what could not be repaired and what to do.
Result<void> repair(int fd, const Address& address, const ListenerOptions& options,
                    const std::string& link_path, const Damage& damage);
/// Makes the private hard link that repair() renames back. Not for abstract sockets. Fails across
/// file systems.
Result<void> keep_private_link(const Address& address, const std::string& link_path);
/// Unlinks the path if it still is this socket's (device and inode of `link_path`), and the link.
void remove_unix_paths(const Address& address, const std::string& link_path);

/// The sockets that systemd passed to this process (LISTEN_FDS for our pid), by FileDescriptorName,
/// close-on-exec; the environment variables are unset. Several sockets may share a name.
std::map<std::string, std::vector<UniqueFd>> take_systemd_sockets();

} // namespace svc::os
