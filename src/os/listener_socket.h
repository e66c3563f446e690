// Making, adjusting and repairing one listening socket.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace svc::os {

/// Socket, options, bind and listen. A stale unix path is replaced only if nobody listens there.
/// Errors name the address and the remedy ("cannot bind 0.0.0.0:80: Address already in use; find
/// its owner with: ss -ltnp 'sport = :80'"). The fd is close-on-exec. An option that this kind of
/// address does not have is an error. A unix path is at no moment more open than asked; its file is
/// removed again if anything fails after it was made. For AddressFamily::systemd use
/// take_systemd_sockets().
Result<UniqueFd> open_listener(const Address& address, const ListenerOptions& options);

/// The live options, each one set; unset ones are left as they are. listen() again where it changes
/// something: where the socket does not listen (any more), or has another backlog than it should. All
/// are tried, also after a failure; the error is the first, but a socket that does not listen goes
/// before. For an address of AddressFamily::systemd, the fd says what it is, and without
/// `options.backlog` the one that it has stays.
Result<void> apply_live_options(int fd, const Address& address, const ListenerOptions& options);

/// What listen(2) left behind; nullopt: it does not listen, or the kernel does not tell (a unix
/// socket without the unix_diag module).
std::optional<std::uint32_t> backlog_of(int fd, const Address& address);

/// Refuses everybody from now on, even if other processes have it open: shutdown(2). What waits in its
/// queue is reset, and it leaves its SO_REUSEPORT group. TCP and unix; a UDP socket stays bound.
void stop_listening(int fd);

/// getsockname(2): the port that the kernel picked.
Result<Address> bound_address(int fd);

/// What a worker can have done to a shared socket. Not seen, and so not repaired: socket options
/// that it set, O_NONBLOCK, and shutdown(SHUT_WR) of a UDP socket (its replies fail with EPIPE).
struct Damage {
    bool shut_down = false; ///< shutdown(2): refuses everybody
    bool backlog_shrunk = false;
    bool path_gone = false; ///< unix: unlinked or replaced by something else
    bool connected = false; ///< datagram: connect(2)ed, so that it hears only one peer

    [[nodiscard]] bool any() const { return shut_down || backlog_shrunk || path_gone || connected; }
    bool operator==(const Damage&) const = default;
};
/// `options.backlog` is what it should be (of a socket from systemd, unset: nobody knows); `link_path` the private hard link of a unix socket's
/// path ("" for none: then a path replaced by another socket is not noticed). Changes nothing. Of a
/// healthy socket it takes one system call for TCP, two for datagrams, three for unix listeners, and
/// two more for a path.
Damage inspect(int fd, const Address& address, const ListenerOptions& options,
               const std::string& link_path);
/// Repairs what inspect() found: all that can be, and the error says what could not be and what to
/// do. A TCP listener comes back to life at its port, without the connections that were queued. A
/// shut-down unix or UDP socket cannot be revived: only a new one helps (open_listener() takes a
/// shut-down unix listener's path for stale and replaces it). A path is put back by rename, over
/// another socket too, never over a file of another kind.
Result<void> repair(int fd, const Address& address, const ListenerOptions& options,
                    const std::string& link_path, const Damage& damage);
/// Makes the private hard link that repair() puts back, in place of an older one, and returns where
/// it is: at `link_path`, or, as a hard link cannot leave its file system, hidden beside the socket
/// ("/srv/.web.sock.svc" of "/srv/web.sock"). Only for unix_path. Fails for a path of another user's
/// without CAP_FOWNER (fs.protected_hardlinks).
Result<std::string> keep_private_link(const Address& address, const std::string& link_path);
/// Where that link is if it cannot be in another directory: "/srv/.web.sock.svc".
std::string link_beside(const std::string& path);
/// Unlinks the path if it still is this socket's (device and inode of `link_path`), and the link.
/// Without a link: if nobody has the socket of that path open any more, so close it first.
void remove_unix_paths(const Address& address, const std::string& link_path);

} // namespace svc::os
