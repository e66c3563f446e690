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
/// first:
///
///   found ─ the stop signal → ending ─ all gone, or the grace is over: SIGKILL → gone
///
/// What came into their cgroups meanwhile is killed with the last of them, and the empty cgroups are removed.
class Leftovers {
public:
    /// `notify_directory`: of this service. `known`: the workers, by name, that a supervisor does know.
    /// `cgroup`: the fd of the one that was delegated to this service, which stays open; -1: there is none.
    Leftovers(boost::asio::io_context& io, const std::string& notify_directory,
              const std::set<std::string>& known, int cgroup = -1);

    [[nodiscard]] bool empty() const { return processes_.empty(); }
    /// "process 4711 (r7-0), process 4712 (r7-1)", the first few
    [[nodiscard]] std::string describe() const;
    /// Calls `gone` from the loop, once, when all have ended. Each has its own signal, and all the longest grace.
    void end(const History& history, std::function<void()> gone);
    /// SIGKILL now, for a caller who is about to end and waits no more.
    void kill();

private:
    void wait_for_next();
    bool find_in_cgroups();
    void finish();

    boost::asio::io_context& io_;
    std::vector<os::FoundProcess> processes_;
    int cgroup_;
    struct Group {
        std::string name;
        UniqueFd directory; ///< a new worker may get the name, and has another one
    };
    std::vector<Group> groups_; ///< below it: nobody's
    bool given_up_ = false;     ///< of those that cannot be killed
    Alarm deadline_;
    std::optional<Watch> watch_; ///< of the last one in the list
    std::function<void()> gone_;
};

} // namespace svc::daemon
