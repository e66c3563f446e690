// Daemon: the parts of svcd put together around one event loop.
#pragma once

#include "rollout/supervisor.h"
#include "svcd/front/control_server.h"
#include "svcd/front/history_view.h"
#include "svcd/front/manager_job.h"
#include "svcd/front/methods.h"
#include "svcd/front/metrics_collector.h"
#include "svcd/front/metrics_server.h"
#include "svcd/front/service_manager.h"
#include "svcd/host/host.h"
#include "svcd/host/leftovers.h"
#include "svcd/host/survival/passed.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <csignal>

namespace svc::daemon {

/// Single-threaded. Whatever happens (a child ends, a worker speaks, a client asks, a signal comes,
/// the step's own deadline passes) becomes an observation, and observations wake one step:
///
///   handler → observe() → posted once → step(): record, decide, perform, until nothing is left
///                                         └→ one timer, armed for the step's next deadline only
///
/// What can never happen: a step inside a step (a handler that needs its effect at once, as an
/// admission does, runs from the loop itself); a timer that ticks without a deadline behind it.
///
/// A boot that fails falls back: the last revision that completed under an earlier supervisor is started
/// instead of the file's, and the boot counts as one that worked if that completes.
///
/// One that comes after a supervisor that died or was replaced begins where that one was.
///
///   booting ─ first revision complete → running ─ TERM, INT, QUIT, Stop → stopping ─ Finish → ended
///      ├─ first revision fails, and so does the fallback: stopping; exit status 1
///      └─ refused: ended at once; exit status 5 if the service file is wrong, else 1
///
/// All but `ended` is in the State and is asked of it (phase()): nothing is known twice. What a
/// daemon that has ended still does is to let clients have their last replies.
class Daemon final : private AdmissionWorld, private Backend {
public:
    /// start() takes these over, and unblocks them for a caller that held them back until then.
    static constexpr std::array handled_signals{SIGHUP,  SIGTERM, SIGINT, SIGQUIT,
                                                SIGUSR1, SIGUSR2, SIGCHLD};

    Daemon(boost::asio::io_context& io, Settings settings, os::ManagerSocket manager,
           Passed passed);
    ~Daemon() override;

    /// Opens the launcher and the control socket, takes over the signals, begins the boot.
    Result<void> start(std::optional<gid_t> control_group);
    /// Meaningful when the loop has ended.
    [[nodiscard]] int exit_status() const { return exit_status_.value_or(1); }
    /// No coroutine is left that refers to this. Else something did not end in its time (a check
    /// that cannot be killed), and the process must end without running destructors.
    [[nodiscard]] bool at_rest() const;

private:
    enum class Phase { booting, running, stopping, ended };
    [[nodiscard]] Phase phase() const;

    // AdmissionWorld: daemon_admission.cpp
    Loaded load(const rollout::Cause& cause) override;
    boost::asio::awaitable<Loaded> revive(const AdmissionRequest& request) override;
    [[nodiscard]] const rollout::State& state() const override { return supervisor_->state(); }
    boost::asio::awaitable<CommandResult> check(const Loaded& candidate) override;
    boost::asio::awaitable<void> stage(Loaded& candidate) override;
    Result<void> open_listeners(const rollout::Spec& spec) override;
    void close_unused_listeners() override;
    [[nodiscard]] MemoryNow memory() const override;
    void warn(rollout::RevisionNumber revision, const std::string& sentence) override;
    void request_rollout(rollout::Revision revision, bool supersede, bool immediate) override;
    void request_abort(std::string reason) override;
    [[nodiscard]] std::optional<Admission> find_request(const std::string& token) const override;
    void remember_request(const std::string& token, const Admission& admission) override;
    void request_scale_from_file(std::uint32_t replicas) override;

    // Backend: daemon_backend.cpp
    [[nodiscard]] wire::ServiceStatus status() const override;
    boost::asio::awaitable<void> look_closer(wire::StatusCall asked,
                                             wire::ServiceStatus& status) override;
    boost::asio::awaitable<std::vector<wire::MetricFamily>> metrics() override;
    EventLog& events() override { return events_; }
    boost::asio::awaitable<Admission> admit(AdmissionRequest request) override;
    [[nodiscard]] wire::HistoryReply history() const override;
    [[nodiscard]] Result<wire::RevisionReply>
    revision(rollout::RevisionNumber number) const override;
    [[nodiscard]] Result<wire::DiffReply> diff(rollout::RevisionNumber from,
                                               rollout::RevisionNumber to) const override;
    [[nodiscard]] Result<wire::Timeline> timeline(rollout::RevisionNumber number) const override;
    [[nodiscard]] Loaded look_at_file() const override;
    [[nodiscard]] bool is_recorded(rollout::RevisionNumber number) const override {
        return host_->is_recorded(number);
    }
    void request(rollout::Observation asked) override;
    void scale(std::uint32_t replicas) override;
    void stop(bool now, std::string reason) override;
    [[nodiscard]] bool finished() const override { return phase() == Phase::ended; }

    HostCallbacks callbacks();
    void observe(rollout::Observation observation);
    void step();
    void arm(std::optional<Instant> wake_at);
    void settled(const rollout::State& state);
    void tell_manager(const rollout::State& state);
    void report(const rollout::Event& event);
    void note(rollout::EventKind kind, std::string text);
    void store(const wire::Timeline& timeline);

    void wait_for_signal();
    void handle_signal(int number);
    boost::asio::awaitable<void> reload_for_signal();
    void stop_for_signal(const std::string& name);
    void leave();
    // daemon_takeover.cpp
    struct Beginning {
        rollout::State state;
        std::vector<rollout::Action> actions{}; ///< to be done again
        bool taken_over = false;
    };
    Result<Beginning> begin();
    void begin_from(wire::Snapshot left, const rollout::Survivors& survivors, Beginning& beginning);
    Result<void> go_on(bool taken_over);
    void end_leftovers(bool taken_over);
    void start_serving(bool taken_over);

    // daemon_metrics.cpp
    [[nodiscard]] wire::MetricTotals& metric_totals();
    /// Where the revisions that serve, or are about to, have them.
    [[nodiscard]] std::vector<Address> metrics_addresses() const;
    Result<void> open_metrics(const rollout::Spec& spec);
    void reopen_metrics();

    // daemon_upgrade.cpp
    [[nodiscard]] std::string why_not_quiet() const;
    boost::asio::awaitable<Result<void>> upgrade() override;
    boost::asio::awaitable<Result<void>> prepare_upgrade();
    boost::asio::awaitable<Result<void>> until_quiet(Instant deadline);
    boost::asio::awaitable<Result<void>> try_program();
    boost::asio::awaitable<void> upgrade_for_signal();
    void execute_upgrade(const sigset_t& signals_before);

    // daemon_boot.cpp
    boost::asio::awaitable<void> boot();
    /// The service file's revision could not be started: the last one that completed is, if there is one.
    boost::asio::awaitable<Admission> fall_back(std::string why);
    boost::asio::awaitable<void> fall_back_or_stop(std::string why);

    [[nodiscard]] HistoryView history_view() const;
    /// Lets the clients have what is queued for them, then ends the loop.
    void end(int exit_status);
    void say_farewell();
    void leave_if_at_rest();

    boost::asio::io_context& io_;
    Settings settings_;
    Passed passed_; ///< until the parts that they belong to have taken them
    std::shared_ptr<const os::ManagerSocket> manager_socket_;
    ServiceManager manager_;
    FdStore store_;
    EventLog events_;
    TimelineRecorder timelines_;
    std::unique_ptr<ListenerTable> listeners_;
    std::unique_ptr<DaemonHost> host_;
    std::unique_ptr<rollout::Supervisor> supervisor_;
    Admissions admissions_;
    Methods methods_;
    const WallTime started_;
    LoopLatency latency_;
    MetricsServer metrics_server_;
    std::optional<Address> metrics_candidate_; ///< of a revision that is not in the state yet
    std::unique_ptr<ControlServer> server_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer deadline_;
    std::optional<Instant> armed_for_; ///< of deadline_
    bool steps_ = false;
    std::vector<rollout::Event> unlogged_; ///< of the step under way
    boost::asio::steady_timer farewell_;
    /// Of the one request that is between loading and requested; see Admissions.
    UniqueFd candidate_executable_;
    std::unique_ptr<StagedRevision> candidate_staged_;
    std::unique_ptr<Leftovers> leftovers_; ///< while they end
    std::unique_ptr<ManagerJob> job_;      ///< asked for, and not answered yet
    bool leaving_to_next_ = false;
    bool upgrading_ = false;
    UniqueFd new_program_; ///< while it is tried
    /// A HUP's request whose turn has not come: a second HUP adds nothing to it.
    bool reload_waits_ = false;
    std::optional<int> exit_status_; ///< set once, when the daemon has ended
    bool leaving_ = false;           ///< nothing is waited for any more but the clients
};

} // namespace svc::daemon
