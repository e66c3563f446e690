#include "svcd/host/analysis.h"

#include <utility>

namespace svc::daemon {

void StageAnalysis::start(std::shared_ptr<const rollout::Revision> revision,
                          rollout::RevisionNumber from, std::uint32_t stage,
                          std::function<void(HookVerdict)> ended) {
    const rollout::RolloutSpec& spec = revision->spec.rollout;
    if (!spec.analysis)
        fatal("an analysis of a revision that has none");
    HookSubject subject;
    subject.environment = {"SVC_OLD_REVISION=" + std::to_string(from),
                           "SVC_STEP=" + std::to_string(stage + 1)};
    subject.revision = revision;
    ended_ = std::move(ended);
    hook_ = start_hook(context_, *spec.analysis, std::move(subject),
                       [this](HookVerdict verdict) { end(std::move(verdict)); });
    deadline_.after(spec.analysis_timeout, [this, patience = spec.analysis_timeout] {
        end({false, "it took longer than " + format_duration(patience), {}});
    });
}

void StageAnalysis::cancel() {
    deadline_.cancel();
    hook_.reset();
    ended_ = nullptr;
}

void StageAnalysis::end(HookVerdict verdict) {
    const auto then = std::exchange(ended_, nullptr);
    deadline_.cancel();
    // The hook is what called us; it may be destroyed from its own callback (hooks.h).
    hook_.reset();
    if (then)
        then(std::move(verdict));
}

} // namespace svc::daemon
