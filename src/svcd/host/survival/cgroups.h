// Cgroups: the groups of one service, one a worker, below the one that was delegated to it.
#pragma once

#include "svcd/host/children/loop.h"

#include "os/delegation.h"
#include "os/process_list.h"
#include "wire/limit_files.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

/// "r7-2" and "r7-2.1", as policy names workers: what else is below our group is somebody else's.
bool is_workers_name(std::string_view name);
/// "process 4711 (sleep), process 4712 (sh) and 3 more"
std::string name_processes(const std::vector<os::FoundProcess>& processes);

/// A worker's, with the fd of its directory. It is removed by Cgroups::retire() alone.
class WorkerCgroup {
public:
    WorkerCgroup(std::string name, UniqueFd directory, std::optional<rollout::LimitsSpec> limits)
        : name_(std::move(name)), directory_(std::move(directory)), limits_(std::move(limits)) {}

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] int fd() const { return directory_.get(); }
    /// Through which svc-launch enters.
    [[nodiscard]] Result<UniqueFd> door() const;
    /// SIGKILL to everything in it.
    [[nodiscard]] Result<void> kill() const;
    [[nodiscard]] std::vector<os::FoundProcess> processes() const;
    /// If the kernel killed all of it for memory, which it does where memory.oom.group is set (memory_max): a sentence
    /// of which limit. Else nothing, and so where that cannot be known.
    [[nodiscard]] std::optional<std::string> out_of_memory() const;
    /// How many processes of it the kernel has killed for memory, the main process or others: there is no mark on any.
    [[nodiscard]] std::uint64_t memory_kills() const;
    [[nodiscard]] std::optional<std::uint64_t> memory() const; ///< bytes
    [[nodiscard]] std::optional<std::uint64_t> tasks() const;
    [[nodiscard]] std::optional<std::uint64_t> cpu_us() const;

private:
    std::string name_;
    UniqueFd directory_;
    std::optional<rollout::LimitsSpec> limits_;
};

/// The group that was delegated to us (os/delegation.h), and what is below it:
///
///   DIRECTORY/             no process in it, because its children have controllers
///     supervisor/          we, and what runs for us: hooks, checks, svc-keeper
///     r7-2/                a worker with all its descendants, whoever they call their parent or their session
///     .control/, …         not ours: never looked into
///
/// A worker's group:
///
///   make(): limited, empty ─ svc-launch enters (Launching) → populated ─ its main process ended: killed, retire()
///     → ending ─ nobody is left (inotify on cgroup.events) → removed
///
/// The groups survive us: the next supervisor opens them by the workers' names (find()). Under systemd their
/// controllers are taken away in between, by svcd --reap, because systemd before 254 can put a main process only into
/// DIRECTORY itself; open() and find() give them back, and write the limits again.
///
/// Where no group was delegated there are none: a worker is a process group then (WorkerProcess), and limits are
/// not enforced. Which ones, and why, unenforced() says.
///
/// What can never happen: a process is moved or killed that was not started below DIRECTORY; a group of another
/// name than a worker's is removed; an old life's group limits or counts for a new worker.
class Cgroups {
public:
    explicit Cgroups(boost::asio::io_context& io, std::function<void(const std::string&)> warn);
    Cgroups(const Cgroups&) = delete;
    Cgroups& operator=(const Cgroups&) = delete;
    ~Cgroups();

    /// `wanted`: "auto", "off" or an absolute path (--cgroup). We go into the leaf. An error only where a path
    /// was named: it cannot be used, or another supervisor was given the same one.
    Result<void> open(const std::string& wanted);
    /// The same of a directory that is open. Its processes go into the leaf.
    Result<void> take(os::Delegated delegated);

    [[nodiscard]] bool present() const { return static_cast<bool>(directory_); }
    [[nodiscard]] int fd() const { return directory_.get(); } ///< -1: there are none
    [[nodiscard]] const std::string& path() const { return path_; }
    /// A sentence for the log: where they are, or why there are none.
    [[nodiscard]] std::string describe() const;
    /// Which of the limits nobody enforces here, and why; empty: all are.
    [[nodiscard]] std::string unenforced(const std::optional<rollout::LimitsSpec>& limits);

    /// A new one. Blocks for a second at most, where a launcher of the last supervisor's is in one of this name.
    Result<WorkerCgroup> make(const std::string& name,
                              const std::optional<rollout::LimitsSpec>& limits);
    /// Of a worker that an earlier supervisor started; nothing if it has none. Its limits are written again.
    std::optional<WorkerCgroup> find(const std::string& name,
                                     const std::optional<rollout::LimitsSpec>& limits);
    /// Removes it as soon as nobody is left in it.
    void retire(WorkerCgroup group);
    /// The names of those that are not empty yet.
    [[nodiscard]] std::vector<std::string> ending() const;
    /// Calls `then` once none is ending any more, or after `bound`; at once if none is.
    void when_removed(Duration bound, std::function<void()> then);
    /// Removes the groups of workers in which nobody is. Before the first launch only: an empty one may wait for its
    /// worker.
    void sweep();

private:
    [[nodiscard]] std::set<std::string> controllers(const std::string& file) const;
    Result<void> enable(const std::string& controller);
    void enable_for(const std::optional<rollout::LimitsSpec>& limits);
    Result<void> limit(int directory, const std::optional<rollout::LimitsSpec>& limits);
    bool remove(const WorkerCgroup& group);
    void wait();
    void tell_removed();

    boost::asio::io_context& io_;
    std::function<void(const std::string&)> warn_;
    UniqueFd directory_;
    UniqueFd leaf_;
    std::string path_;
    std::string why_none_ = "nobody looked for one";
    std::vector<std::pair<std::string, Error>> not_enabled_;
    struct Ending {
        WorkerCgroup group;
        std::optional<int> watch; ///< of watch_
    };
    bool remove(const Ending& ending);
    std::vector<Ending> ending_;
    std::optional<Watch> watch_; ///< of the groups that are ending
    std::function<void()> removed_;
    Alarm bound_;
};

} // namespace svc::daemon
