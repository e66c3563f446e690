// What is behind DaemonHost: host.cpp performs actions, host_survival.cpp is about other supervisors.
#pragma once

#include "svcd/host/history_keeper.h"
#include "svcd/host/hooks/rollout_hooks.h"
#include "svcd/host/host.h"
#include "svcd/host/host_context.h"
#include "svcd/host/watching/worker_looker.h"
#include "svcd/host/worker_process.h"

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace svc::daemon {

struct DaemonHost::Impl {
    explicit Impl(std::shared_ptr<HostContext> shared)
        : context(std::move(shared)), history(*context), hooks(*context),
          looker(context->io, [this] { return listening(); }) {}

    void launch(const rollout::LaunchWorker& action, const rollout::State& state);
    void run_hook(const rollout::RunRolloutHook& run, const rollout::State& state);
    void expect_failure(const rollout::Action& action, const rollout::State& state);
    // host_looks.cpp
    void count_connections(rollout::WorkerId worker);
    [[nodiscard]] std::optional<std::vector<Address>> listening() const;
    // host_survival.cpp
    void record_worker(rollout::WorkerId worker, const rollout::State& state);
    bool publish(const rollout::State& state);
    void take_over_worker(const rollout::Worker& worker, const wire::Snapshot& left, KeptFds& kept,
                          rollout::Survivors& survivors);
    void take_over_executables(const rollout::State& state, KeptFds& kept);
    void apply_live(rollout::RevisionNumber revision, const rollout::State& state);
    void begin(rollout::RevisionNumber revision, const rollout::State& state);
    void adopt_kept(rollout::RevisionNumber revision, const rollout::State& state);
    void pass_over(rollout::RevisionNumber revision, const rollout::State& state);
    void end(const rollout::Outcome& outcome, const rollout::State& state);
    void close_unneeded(const rollout::State& state);
    WorkerProcess* find(rollout::WorkerId worker);
    std::shared_ptr<const rollout::Revision> revision(rollout::RevisionNumber number,
                                                      const rollout::State& state);

    // Shared with commands that run: a coroutine may be destroyed after the host.
    std::shared_ptr<HostContext> context;
    // A worker's hooks need its revision even when the state has dropped it.
    std::map<rollout::RevisionNumber, std::weak_ptr<const rollout::Revision>> revisions;
    std::map<rollout::WorkerId, std::unique_ptr<WorkerProcess>> workers;
    std::vector<rollout::RevisionNumber> in_use; ///< as of the last look at what can be closed
    std::map<rollout::RevisionNumber, StagedRevision> staged; ///< whose rollouts have not begun
    HistoryKeeper history;
    RolloutHooks hooks;
    WorkerLooker looker;
    std::map<rollout::WorkerId, WorkerLooker::Question> counted; ///< asked for by policy
    bool store_doubtful = false; ///< it did not confirm what it was last given
};

} // namespace svc::daemon
