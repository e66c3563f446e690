// StageAnalysis: the hook that judges a stage of a rollout.
#pragma once

#include "svcd/host/hooks.h"
#include "svcd/host/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace svc::daemon {

/// At most one at a time. It ends with a verdict (the hook's, or that it took too long), or without
/// one when it is cancelled: the rollout that it was about is over.
class StageAnalysis {
public:
    explicit StageAnalysis(HostContext& context) : context_(context), deadline_(context.io) {}

    /// `revision` has an analysis hook. `from` is the revision that it is compared with; `stage`
    /// counts from 0. `ended` is called once, from the loop.
    void start(std::shared_ptr<const rollout::Revision> revision, rollout::RevisionNumber from,
               std::uint32_t stage, std::function<void(HookVerdict)> ended);
    void cancel();

private:
    void end(HookVerdict verdict);

    HostContext& context_;
    Alarm deadline_;
    std::unique_ptr<RunningHook> hook_;
    std::function<void(HookVerdict)> ended_;
};

} // namespace svc::daemon
