// What svcd tells svc-launch over a socketpair (AF_UNIX, SOCK_STREAM), and what comes back. No
// Boost here: svc-launch links this file and starts in well under a millisecond.
//
//   svcd → launch   header (magic, version, payload length, fd count), payload,
//                   then the fds: one byte 'F' with at most 253 of them over SCM_RIGHTS, as often
//                   as needed, then one byte 'G' (GO) once the worker is recorded
//   launch → svcd   nothing but end-of-file when the exec happened (its end is close-on-exec), or
//                   one LaunchFailure frame, then its exit
//   end-of-file before GO means to the launcher: exit with status 0, nothing was started.
//
// A failure may come before the order, the fds or GO are all sent: sending then gives EPIPE, and
// reading gives the frame first and ECONNRESET instead of end-of-file after it, because something
// was left unread. A frame is final; EPIPE while sending means: read, the reason is there.
#pragma once

#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace svc::wire {

inline constexpr std::uint32_t launch_order_version = 4;
inline constexpr std::size_t launch_order_limit = 8u << 20; ///< bytes of payload
inline constexpr std::size_t launch_fd_limit = 16384;
inline constexpr std::size_t fds_per_message = 253; ///< SCM_MAX_FD, <net/scm.h>
/// The largest number that a fd can be asked to have: what any limit on open files may permit.
inline constexpr std::uint32_t fd_number_limit = (1u << 20) - 1;
inline constexpr int launch_socket_fd = 3; ///< where svc-launch finds its socket
inline constexpr char launch_go = 'G';
inline constexpr char launch_fds = 'F';

struct LaunchLimit {
    std::int32_t resource = 0; ///< RLIMIT_…
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const LaunchLimit&) const = default;
};

/// Everything is resolved: numbers, absolute paths; svc-launch looks nothing up.
struct LaunchOrder {
    std::string executable;                 ///< path given to execve(2)
    std::int32_t executable_index = -1;     ///< index into the fds sent: this file is executed,
                                            ///< and the path only named; -1: the path is
    std::vector<std::string> arguments;     ///< argv
    std::vector<std::string> environment;   ///< "NAME=value", complete: nothing is inherited
    std::vector<std::string> pid_variables; ///< names that get the worker's own pid: LISTEN_PID, …
    std::string directory;                  ///< empty: /
    std::uint32_t inherited_fds = 0;        ///< the first so many fds sent become 3, 4, …
    std::int32_t placed_index = -1;         ///< index into the fds sent; -1: none. Not one of those
                                            ///< that are inherited at 3, 4, …; the worker has it
    std::uint32_t placed_number = 0;        ///< at this number, above theirs
    std::int32_t stdin_index = -1;          ///< index into the fds sent; -1: /dev/null
    std::int32_t stdout_index = -1;         ///< -1: as svcd's own
    std::int32_t stderr_index = -1;         ///< -1: as svcd's own
    std::int32_t cgroup_index = -1;         ///< index into the fds sent: the cgroup.procs of its
                                            ///< cgroup, open for writing; -1: it stays in svcd's
    bool set_credentials = false;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;
    std::optional<std::uint32_t> umask;
    std::vector<LaunchLimit> limits;
    std::optional<std::int32_t> nice;
    std::optional<std::int32_t> oom_score_adj;
    bool no_new_privileges = false;
    bool new_session = false; ///< setsid(2) instead of setpgid(2)
    bool operator==(const LaunchOrder&) const = default;
};

enum class LaunchStep : std::uint32_t {
    order,
    fds,
    process_group,
    cgroup,
    limits,
    nice,
    oom_score,
    umask,
    credentials,
    directory,
    stdio,
    environment,
    exec,
};
std::string_view launch_step_name(LaunchStep step); ///< "credentials", …

struct LaunchFailure {
    LaunchStep step = LaunchStep::order;
    std::int32_t error = 0; ///< errno
    std::string sentence; ///< "cannot execute /usr/bin/web: Permission denied"; at most 4096 bytes
    bool operator==(const LaunchFailure&) const = default;
};

struct LaunchHeader {
    std::uint32_t payload_bytes = 0;
    std::uint32_t fd_count = 0;
};
inline constexpr std::size_t launch_header_bytes = 16;

/// Header and payload, ready to send. Fails on an order over the limits.
Result<std::string> encode_launch_order(const LaunchOrder& order, std::size_t fd_count);
/// Checks magic, version and limits.
Result<LaunchHeader> decode_launch_header(std::span<const std::byte, launch_header_bytes> bytes);
/// Hostile input is refused, never trusted: lengths, counts, indices against `fd_count`, NUL bytes
/// in strings.
Result<LaunchOrder> decode_launch_order(std::span<const std::byte> payload, std::size_t fd_count);

std::string encode_launch_failure(const LaunchFailure& failure);
/// nullopt: more bytes are needed.
Result<std::optional<LaunchFailure>> decode_launch_failure(std::string_view bytes);

} // namespace svc::wire
