// Leftovers: processes of this service that no supervisor knows any more.
#pragma once

#include "svcd/host/children/loop.h"
#include "svcd/host/history/history.h"

#include "base/unique_fd.h"
#include "os/process_list.h"

#include <csignal>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace svc::daemon {

/// No worker's is longer here, whatever its service file says: for svcd --reap (reap.cpp).
inline constexpr Duration longest_grace = std::chrono::seconds(75);
/// How long what was killed may take to be gone.
inline constexpr Duration kill_bound = std::chrono::seconds(5);

/// How one of them is told to end, and how long it may take.
struct LeftoverStop {
    int signal = SIGTERM;
    Duration grace = std::chrono::seconds(30);
};
/// As the service file had it of which this worker's revision was made (`r7-2` is of 7), if the history has that; else as
/// the newest one that it has; else as above.
LeftoverStop stop_of(const History& history, const std::string& worker);

/// There are some after the death of a supervisor whose state is lost (nobody kept it, or it cannot be
/// read), and where the store of fds had no room for a worker. They are known by their notify socket, which
/// is in this service's directory, and by their cgroup, which is below this service's: there what forgot its
/// environment is found, too. A second set beside them would serve what nobody deployed, so they end
/// first, as they would have under their supervisor:
///
///   found ─ the stop signal to main processes → ending ─ these have ended, or the grace is over: SIGKILL to the
///     rest, and to what came into their cgroups meanwhile → gone; the empty cgroups are removed
///
/// Which one a worker's main process is nobody has written down. It is the only one whose parent is no process of
/// the worker; if there are more of these (its main process has ended, and left several), each of the worker's is
/// told, for any of them may be the one that drains.
class Leftovers {
public:
    /// `notify_directory`: of this service. `known`: the workers, by name, that a supervisor does know.
    /// `cgroup`: the fd of the one that was delegated to this service, which stays open; -1: there is none.
    Leftovers(boost::asio::io_context& io, const std::string& notify_directory,
              const std::set<std::string>& known, int cgroup = -1);

    [[nodiscard]] bool empty() const { return processes_.empty(); }
    /// "process 4711 (r7-0), process 4712 (r7-1)", the first few
    [[nodiscard]] std::string describe() const;
    /// Calls `gone` from the loop, once, when all have ended, or soon after they should have. Each worker has its own
    /// signal, and all have the longest grace, but no more than `bound`.
    void end(const History& history, Duration bound, std::function<void()> gone);
    /// Some cannot be killed (of another user, or stuck in the kernel): describe() says which.
    [[nodiscard]] bool gave_up() const { return given_up_; }
    /// SIGKILL now, for a caller who is about to end and waits no more.
    void kill();

private:
    void wait_for_next();
    bool find_in_cgroups();
    void part();
    void kill_the_rest();
    void finish();

    boost::asio::io_context& io_;
    std::vector<os::FoundProcess> processes_; ///< those that are told to end are the last ones
    std::size_t untold_ = 0;                  ///< how many are not
    int cgroup_;
    struct Group {
        std::string name;
        UniqueFd directory; ///< a new worker may get the name, and has another one
    };
    std::vector<Group> groups_; ///< below it: nobody's
    bool killing_ = false;
    bool given_up_ = false; ///< of those that cannot be killed
    Alarm deadline_;
    std::optional<Watch> watch_; ///< of the last one in the list
    std::function<void()> gone_;
};

} // namespace svc::daemon
