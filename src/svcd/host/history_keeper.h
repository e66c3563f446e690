// HistoryKeeper: what becomes of the history as rollouts begin and end. Policy knows nothing of it.
#pragma once

#include "svcd/host/history/outcome_writer.h"
#include "svcd/host/host_context.h"

#include <map>
#include <set>

namespace svc::daemon {

/// The order on the disk: a revision's outcome is there before the next revision has its name, before an older
/// one is dropped for it, before a caller and the service manager hear of it (is_recorded()) and before we
/// end (when_recorded()). So whatever a crash leaves, nothing refers to an end that was not recorded; and a rollout
/// whose end was not recorded has none.
///
/// The disk is waited for only where a rollout begins in the same moment in which another one ends: its
/// revision was staged just before, so that there is little left to be written.
///
/// What cannot be written is reported, once for a revision, and holds nothing up.
class HistoryKeeper {
public:
    explicit HistoryKeeper(HostContext& context);

    /// BeginRollout was applied. `staged`: what is to get its name; none: it was not staged.
    void begin(rollout::RevisionNumber number, std::optional<StagedRevision> staged,
               const rollout::State& state);
    /// EndRollout was applied.
    void end(const rollout::Outcome& outcome, const rollout::State& state);
    /// What an earlier supervisor had decided, and did not come to write.
    void catch_up(const rollout::State& state);
    /// Its outcome, if there is one, is on disk, or cannot be.
    [[nodiscard]] bool is_recorded(rollout::RevisionNumber number) const {
        return !writer_.writes(number);
    }
    [[nodiscard]] bool all_recorded() const { return writer_.is_idle(); }
    /// Calls `then` once all outcomes are; at once if they are.
    void when_recorded(std::function<void()> then);

private:
    /// How much of the history stays once an outcome is written.
    struct Keep {
        std::size_t limit = 0;
        std::set<rollout::RevisionNumber> kept;
    };
    void handle_written(rollout::RevisionNumber number, const Result<void>& written);
    void trim(rollout::RevisionNumber number, const Keep& keep);
    void report(rollout::RevisionNumber number, const Error& error);
    [[nodiscard]] static Keep keep_for(rollout::RevisionNumber number, const rollout::State& state);

    HostContext& context_;
    OutcomeWriter writer_;
    std::map<rollout::RevisionNumber, Keep> ending_;
    std::set<rollout::RevisionNumber> unwritten_; ///< reported already
    std::function<void()> when_recorded_;
};

} // namespace svc::daemon
