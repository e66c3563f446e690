// DaemonHost: the mechanism under the supervisor. It performs actions and reports what it saw; it
// decides nothing.
#pragma once

#include "rollout/recover.h"
#include "rollout/supervisor.h"
#include "svcd/host/history/executables.h"
#include "svcd/host/hooks/commands.h"
#include "svcd/host/host_callbacks.h"
#include "svcd/host/listeners/listeners.h"
#include "svcd/host/survival/cgroups.h"
#include "svcd/host/survival/fd_store.h"

#include "wire/control.h"
#include "wire/image.h"

#include <boost/asio/cancellation_signal.hpp>

namespace svc::daemon {

class DaemonHost final : public rollout::Host {
public:
    /// Opens and holds the launcher; fails if it is not there.
    static Result<std::unique_ptr<DaemonHost>> make(boost::asio::io_context& io,
                                                    const Settings& settings,
                                                    ListenerTable& listeners, FdStore& store,
                                                    HostCallbacks callbacks);
    ~DaemonHost() override;

    // host_survival.cpp
    /// What an earlier supervisor left in the store; nullopt: nothing. The error says why it cannot be used.
    Result<std::optional<wire::Snapshot>> find_left(KeptFds& kept);
    /// Goes on from it: its listeners, workers and executables are ours now. An error leaves nothing taken.
    Result<rollout::Survivors> take_over(const wire::Snapshot& left, KeptFds& kept);
    /// It cannot be used: nobody is to find it again.
    void forget_left();
    /// The state is published from now on.
    Result<void> open_vault();
    /// What the mechanism did meanwhile and what waits in the notify sockets is made up for, before the first
    /// step.
    void catch_up(const rollout::State& state);
    /// Publishes an event beside the state.
    void keep_event(const rollout::Event& event);
    /// What the daemon keeps there is published with the next publication.
    [[nodiscard]] wire::Ledger& ledger();
    void publish(const rollout::State& state);
    /// Where it is published, for somebody who tries to read it; -1: nowhere.
    [[nodiscard]] int state_file() const;
    [[nodiscard]] int launcher() const; ///< svc-launch, held
    /// Nobody is to take over from us.
    void give_up();

    void perform(const rollout::Action& action, const rollout::State& state) override;
    void report(const rollout::Event& event) override;
    void settled(const rollout::State& state) override;

    /// Ends what runs to watch over workers (probes, verifications): another program is about to be executed, which
    /// would not know of it. The same goes on again if that fails.
    void stop_watching();
    void watch_again();
    /// No hook that tells of a failed rollout runs.
    [[nodiscard]] bool failure_is_told() const;
    /// Nothing that a process wrote before it ended waits in our memory for a place that is full.
    [[nodiscard]] bool last_lines_are_passed_on() const;

    /// Closes the listeners that no revision in use needs.
    void close_unused_listeners(const rollout::State& state);
    /// Of a revision that is about to be requested and is to get this number: the file that it is executed
    /// from (see Executables), and its directory of the history, which gets its name when the rollout begins.
    void expect_revision(rollout::RevisionNumber number, const rollout::Revision& revision,
                         UniqueFd executable, StagedRevision staged);
    [[nodiscard]] Executables& executables();
    [[nodiscard]] History& history();
    /// Which of its [limits] nobody enforces here, and why; empty: all are.
    [[nodiscard]] std::string unenforced_limits(const rollout::Spec& spec);
    /// What its cgroups say of the service: where they are, what workers use. And what is not enforced of
    /// `spec`, the one in force.
    void describe_cgroups(const rollout::State& state, const rollout::Spec* spec,
                          wire::ServiceStatus& status);
    /// What is `asked` for of each worker, as far as anybody can tell. Cancelling ends the wait for it.
    boost::asio::awaitable<void> look_closer(const rollout::State& state, wire::StatusCall asked,
                                             wire::ServiceStatus& status);
    [[nodiscard]] Cgroups& cgroups();
    /// What all workers together use now, with their descendants (os::memory_of_trees()); beside
    /// os::available_memory() it tells whether a surge has room.
    [[nodiscard]] std::uint64_t memory_of_workers() const;
    /// SIGUSR1 came: the files that workers write to through us are opened again. How many there are.
    std::size_t reopen_logs();
    /// SIGCHLD came: every ended child is handled (worker, hook, check) or just reaped (an orphan).
    void children_ended();
    /// How its rollout ended is on disk, or cannot be: before that nobody may rely on it.
    [[nodiscard]] bool is_recorded(rollout::RevisionNumber number) const;
    [[nodiscard]] bool all_recorded() const;
    /// Calls `then` once that is so of all; at once if it is.
    void when_recorded(std::function<void()> then);
    /// Calls `then` once the hook that tells of a failed rollout has ended; at once if none runs.
    void when_failure_told(std::function<void()> then);
    /// Runs a preflight check or any other command; cancelling ends its group with SIGKILL.
    boost::asio::awaitable<CommandResult> run(CommandRequest request);

private:
    struct Impl;
    explicit DaemonHost(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace svc::daemon
