// RolloutHooks: what runs once for a rollout, and not for each worker.
#pragma once

#include "rollout/action.h"
#include "svcd/host/hooks/timed_hook.h"

#include <memory>

namespace svc::daemon {

/// One that policy waits for (before, analysis, after) at a time, and beside it, at most one `failed`,
/// for which nobody waits: it outlives the rollout that it tells of, and is ended by the next one's. It stands in
/// the ledger until it has ended, so that a supervisor's end in between has it run again.
class RolloutHooks {
public:
    explicit RolloutHooks(HostContext& context)
        : context_(context), awaited_(context), failed_(context) {}

    /// The revision has this hook. `from` is the one that it is compared with. Observes
    /// RolloutHookEnded.
    void run(const rollout::RunRolloutHook& run, std::shared_ptr<const rollout::Revision> revision,
             rollout::RevisionNumber from);
    /// Ends what policy waits for.
    void cancel() { awaited_.cancel(); }
    /// Its `failed` hook, if it has one, is due from now on: to be published before anybody may see that it failed.
    void expect_failure(const rollout::Revision& revision, rollout::RevisionNumber from,
                        const std::string& reason);
    /// Runs the one that is due, also under the supervisor after that.
    void tell_failure();
    [[nodiscard]] bool tells() const { return failed_.runs(); }

    /// Calls `then` once no `failed` hook runs any more; at once if none does.
    void when_told(std::function<void()> then);

private:
    void report_untold(rollout::RevisionNumber number, const HookVerdict& verdict);

    HostContext& context_;
    TimedHook awaited_;
    TimedHook failed_;
    std::function<void()> when_told_;
};

} // namespace svc::daemon
