// Where the supervisor lives on this machine: its directories, its lock, its launcher.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <functional>
#include <string>
#include <sys/types.h>

namespace svc::daemon {

using Variable = std::function<const char*(const char* name)>; ///< getenv(3)

struct Directories {
    std::string runtime; ///< of this service: control, lock, notify/ (which the host makes)
    std::string state;
};

/// The service's own directories, not made yet. Each comes from the first of: the option
/// (DIR/NAME); systemd's RUNTIME_DIRECTORY or STATE_DIRECTORY (itself, if its last part is NAME,
/// as with RuntimeDirectory=svc/%i; else NAME below it); for root /run/svc and /var/lib/svc; for
/// a user $XDG_RUNTIME_DIR/svc and $XDG_STATE_HOME/svc.
Result<Directories> find_directories(const std::string& name, const std::string& runtime_option,
                                     const std::string& state_option, uid_t uid,
                                     const Variable& variable);

/// Makes them, and checks that they can be written to.
Result<void> make_places(const Directories& directories);

/// The one supervisor of a service: a lock on runtime/lock, held for as long as the fd is open. A
/// second one is told the first one's pid.
Result<UniqueFd> lock_service(const std::string& name, const std::string& runtime);

/// SVC_LAUNCH; beside an svcd that runs from its build tree, the one of that tree; else the
/// installed one.
std::string find_launcher(const Variable& variable);
/// The same with SVC_KEEPER.
std::string find_keeper(const Variable& variable);

/// Raises RLIMIT_NOFILE's soft limit to the hard one (listeners, pidfds and control clients are
/// all descriptors) and returns what workers are to have: what it was, or the number that `for_workers` is.
std::uint64_t raise_descriptor_limit(const char* for_workers = nullptr);
/// Where `for_workers` comes from. With 1,100 fds passed and a soft limit of 1,024 a program does not even
/// start (the dynamic linker finds no number for a library's fd), so that a unit with a store of fds has to
/// raise the soft limit, which is then no more what workers would have had.
inline constexpr const char* worker_nofile_variable = "SVC_WORKER_NOFILE";

} // namespace svc::daemon
