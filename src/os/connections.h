// How many connections a server serves: which of its sockets came out of accept(2) of a listener that is known.
#pragma once

#include "base/address.h"
#include "os/process_set.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// Connections as the kernel knows them, by the inode of the socket (sock_diag(7)), joined with the fds that the
/// processes have open (/proc/PID/fd). An accepted socket has the local address of its listener, so what is
/// connected from one of `listeners` was accepted there; what a process itself connected to (a database) has
/// another one and does not count. Nor does what waits in a listener's queue: no process has it yet.
///
/// One number for each set, in their order. nullopt: unknown, and never 0 for that: a process of it may not be
/// looked at (PTRACE_MODE_READ_FSCREDS: another user's needs CAP_SYS_PTRACE), or the kernel does not tell (no
/// inet_diag or unix_diag module; `listeners` in another network namespace are not seen from here and are not
/// to be given). Datagram addresses have no connections.
///
/// It takes a time that grows with the connections and the fds, and blocks meanwhile: start_look() (os/usage.h) is
/// for who cannot wait. At most 65,536 processes are looked at.
std::vector<std::optional<std::uint64_t>> count_connections(const std::vector<ProcessSet>& sets,
                                                            const std::vector<Address>& listeners);

/// The answer of a child that counts: "12 0 ?". parse_counts() reads it back: as many as there
/// are to be, and nullopt for each if it says anything else.
std::string format_counts(const std::vector<std::optional<std::uint64_t>>& counts);
std::vector<std::optional<std::uint64_t>> parse_counts(const std::string& text, std::size_t sets);

} // namespace svc::os
