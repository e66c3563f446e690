// WorkerProcess: what the mechanism holds for one worker, from LaunchWorker to ForgetWorker.
#pragma once

#include "svcd/host/children/launching.h"
#include "svcd/host/history/staging.h"
#include "svcd/host/hooks/launch_plan.h"
#include "svcd/host/hooks/timed_hook.h"
#include "svcd/host/in_place_reload.h"
#include "svcd/host/listeners/private_listeners.h"
#include "svcd/host/survival/cgroups.h"
#include "svcd/host/watching/memory_watch.h"
#include "svcd/host/watching/notify_reader.h"
#include "svcd/host/watching/notify_rules.h"
#include "svcd/host/watching/worker_watch.h"
#include "svcd/host/worker_output.h"

#include "os/connections.h"
#include "rollout/observation.h"
#include "svcd/host/survival/fd_store.h"
#include "wire/ledger.h"
#include "wire/notification.h"

namespace svc::daemon {

/// none ─ launch() → launching ─ exec → running ─ main process ended → gone
///   │                                     └ and the journal is asked for its last lines → telling → gone
///   │└ a step of launch() failed → gone           (launching ─ process ended → gone)
///   └ a file has to be compared first → reading ─ read → launching, or gone; called off → gone
///
/// What can never happen: both LaunchFailed and WorkerExited, or neither, are observed for a worker
/// that was launched; either before its process is a zombie; a signal reaches a process after it was
/// reaped. The worker's process group is killed while its main process is still a zombie, because a
/// worker ends when its main process ends (svc-worker(7)), and so is its cgroup, where it has one (Cgroups).
class WorkerProcess {
public:
    struct Identity {
        rollout::WorkerId id = 0;
        std::string name;
        std::uint32_t replica = 0;
        std::shared_ptr<const rollout::Revision> revision;
        std::string launched_for; ///< SVC_REASON of its first hooks
        /// What the rollout that it was last part of replaces, or 0.
        rollout::RevisionNumber old_revision = 0;
    };
    WorkerProcess(HostContext& context, Identity identity);
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    /// Kills what still runs.
    ~WorkerProcess();

    void launch(); ///< observes WorkerSpawned or LaunchFailed
    /// Nobody wants it any more: while it waits for a disk it fails at once. From its spawn on it is killed.
    void call_off();
    void release();          ///< GO
    void read_output();      ///< observes OutputRead, unless it ends before
    void signal(int number); ///< observes SignalSent if it was
    void kill();             ///< SIGKILL to all of it; observes KillFailed if that is refused
    void start_hook(rollout::HookPoint point); ///< in place of one that still runs
    void cancel_hook();
    /// Ends what is about a worker that stays: its probes, its post-ready hook, its reload, the look at
    /// its memory. `old_revision`: of the rollout that is under way, or 0.
    void retire(rollout::Retirement why, rollout::RevisionNumber old_revision, bool run_pre_stop);
    void watch(rollout::ProbeKind kind);
    /// For an exec of another program, and if it fails.
    void stop_watching();
    void watch_again();
    void mark_available(); ///< from now on its memory is looked at
    /// It is to be of the revision `aim`; how it is told so stands in `described_by`. Observes
    /// WorkerReloaded, once, unless it is retired or ends before.
    void reload(std::shared_ptr<const rollout::Revision> aim, const rollout::Revision& described_by,
                bool revert);
    [[nodiscard]] rollout::RevisionNumber revision() const { return identity_.revision->number; }
    /// It counts as a worker of this revision from now on.
    void become(std::shared_ptr<const rollout::Revision> revision);
    /// As its cgroup counts it; nothing where it has none, or no such controller.
    [[nodiscard]] std::optional<std::uint64_t> memory() const {
        return cgroup_ ? cgroup_->memory() : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint64_t> tasks() const {
        return cgroup_ ? cgroup_->tasks() : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint64_t> cpu_us() const {
        return cgroup_ ? cgroup_->cpu_us() : std::nullopt;
    }
    /// The roots of its trees of processes.
    [[nodiscard]] std::vector<pid_t> processes() const;

    /// All of them, and whose descendants are, too.
    [[nodiscard]] os::ProcessSet process_set() const;
    /// Of the listeners that only it has.
    [[nodiscard]] const std::map<std::string, Address>& private_addresses() const {
        return listeners_.addresses();
    }

    // worker_survival.cpp
    /// Puts its fds where they outlive us (RecordWorker).
    void keep();
    struct Found {
        bool running = false; ///< if not, nothing is to be done for it but its last hook
        rollout::ExitStatus status{};
        std::vector<std::string> last_output{};
    };
    /// Before anything else, of one that an earlier supervisor started: takes its fds back.
    Found take_over(const wire::WorkerRecord& left, KeptFds& kept);
    /// What waits in its notify socket is observed.
    void read_waiting();

private:
    enum class Stage { none, reading, launching, running, telling, gone };
    /// The process that svc-launch became, which leads the group: it is the main process until a
    /// MAINPID= names another one (handed_over); then its own end ends nothing (reaped).
    enum class Leader { main, handed_over, reaped };

    // worker_process.cpp
    void launch_now();
    Result<void> start(std::string& step);
    Result<void> pass_listeners(LaunchParcel& parcel, WorkerPlace& place);
    Result<void> plan(LaunchParcel& parcel, WorkerPlace& place, UniqueFd executable);
    Result<int> make_ready_fd(LaunchParcel& parcel, rollout::ReadyOn on);
    void handle_answer();
    void confirm_exec();
    void handle_exit(const os::Ended& ended);
    void handle_end(const rollout::ExitStatus& status);
    void tell_end();
    void read_what_is_left();
    void fail_launch(std::int32_t error, std::string step, std::string sentence);
    void close();
    void warn(const std::string& text) const;

    // worker_group.cpp
    Result<void> make_cgroup(LaunchParcel& parcel, WorkerPlace& place);
    Result<void> end_group();
    void end_what_is_left();
    void tell_what_is_left() const;
    void judge_memory(rollout::ExitStatus& status, pid_t ended) const;
    [[nodiscard]] std::string tell_memory_kills(pid_t ended) const;

    // worker_survival.cpp
    void note();
    void let_go();
    void hold();
    [[nodiscard]] std::vector<std::pair<std::string, int>> kept_fds() const;
    Found take_over_ended();
    void learn_exit_status(int tries);

    // worker_notifications.cpp
    Result<void> open_notify_socket(const std::string& path, UniqueFd kept = {});
    void handle_datagram(os::Datagram datagram);
    void keep(rollout::WorkerNotified said);
    void tell_kept();
    void change_main(pid_t pid);
    Result<void> watch_main();
    void handle_main_ended();
    [[nodiscard]] HookSubject subject() const; // worker_hooks.cpp
    [[nodiscard]] HookSubject hook_subject(rollout::HookPoint point) const;
    [[nodiscard]] ProbeTarget probe_target() const;
    [[nodiscard]] std::vector<WatchedListener> shared_listeners() const;
    void handle_reloaded(bool revert, HookVerdict verdict); // worker_reload.cpp
    [[nodiscard]] WorkerIdentity who() const;
    [[nodiscard]] int main_pidfd() const {
        return leader_is_ == Leader::main ? leader_pidfd_.get() : successor_pidfd_.get();
    }

    HostContext& context_;
    Identity identity_;
    Stage stage_ = Stage::none;
    std::unique_ptr<ContentReader>
        reading_; ///< before it is launched, if there is something to read
    std::unique_ptr<Launching> launching_;
    WorkerOutput output_;
    std::unique_ptr<NotifyReader> notify_;
    std::optional<rollout::WorkerNotified> kept_; ///< of this batch, not yet observed
    bool warned_ = false; ///< of a sender that may not notify: once is enough
    bool store_warned_ = false;
    bool by_path_ = true; ///< executed by its path, not by a fd that is held

    Leader leader_is_ = Leader::main;
    pid_t leader_ = 0;
    // Held to the end: on Linux 6.9 and later it reaches the group even after its leader was reaped.
    UniqueFd leader_pidfd_;
    pid_t main_ = 0;
    UniqueFd successor_pidfd_;        // of a main process that is not the leader
    std::optional<Watch> main_watch_; // tells the end of one that is not our child
    bool killed_ = false;             // by us, at any stage: no out-of-memory killer did it

    std::optional<WorkerCgroup> cgroup_;
    std::optional<std::uint64_t> memory_kills_before_; ///< in a cgroup that is not its own
    rollout::ExitStatus exit_;
    rollout::Retirement retired_ = rollout::Retirement::none;
    TimedHook hook_;
    PrivateListeners listeners_;
    WorkerWatch watch_;
    MemoryWatch memory_;
    std::optional<rollout::ProbeKind> watched_; ///< when it was stopped
    std::unique_ptr<InPlaceReload> reload_;
    std::shared_ptr<const rollout::Revision> becoming_; ///< while it reloads itself
    bool available_ = false;
    bool said_ready_ = false;
    bool kept_fds_ = false; ///< its fds are in the store
    Alarm again_;           ///< asks for the exit status of one that is not our child once more
};

} // namespace svc::daemon
