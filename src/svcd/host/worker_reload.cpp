// A worker that reloads itself (the strategy in_place).
#include "svcd/host/worker_process.h"

#include <utility>

namespace svc::daemon {

void WorkerProcess::reload(std::shared_ptr<const rollout::Revision> aim,
                           const rollout::Revision& described_by, bool revert) {
    if (stage_ != Stage::running)
        return; // its end was observed, and policy awaits nothing any more
    const auto& in_place = described_by.spec.rollout.in_place;
    if (!in_place || (revert && !in_place->revert))
        fatal("an in-place reload of which the revision does not say how");
    notify_->drain(); // what it said before belongs to nothing that begins now
    becoming_ = std::move(aim);
    InPlaceReload::Order order;
    order.tell = revert ? *in_place->revert : in_place->reload;
    // On the way back the question is whether it is what it was, as the old revision asks it.
    const auto& of_old = becoming_->spec.rollout.in_place;
    order.verify = revert && of_old ? of_old->verify : in_place->verify;
    order.patience = becoming_->spec.ready.timeout;
    order.subject = [this, revert] {
        HookSubject about = subject();
        about.revision = becoming_;
        about.environment.push_back("SVC_OLD_REVISION=" +
                                    std::to_string(identity_.revision->number));
        about.environment.push_back(std::string("SVC_REASON=") + (revert ? "revert" : "reload"));
        return about;
    };
    reload_ = std::make_unique<InPlaceReload>(
        context_, std::move(order),
        [this, revert](HookVerdict verdict) { handle_reloaded(revert, std::move(verdict)); });
}

void WorkerProcess::handle_reloaded(bool revert, HookVerdict verdict) {
    auto aim = std::exchange(becoming_, nullptr);
    reload_.reset();
    // As policy counts it: what a reload that failed left behind is the new revision's doing.
    if (verdict.succeeded || !revert)
        become(std::move(aim));
    if (!verdict.succeeded && verdict.output.empty())
        verdict.output = output_.lines();
    context_.callbacks.observe(rollout::WorkerReloaded{
        identity_.id, verdict.succeeded, std::move(verdict.detail), std::move(verdict.output)});
    context_.inspect_listeners.wake();
}

void WorkerProcess::become(std::shared_ptr<const rollout::Revision> revision) {
    identity_.revision = std::move(revision);
    note();
    if (watch_.kind() == rollout::ProbeKind::live)
        watch(rollout::ProbeKind::live); // as this revision has it; what came before that is over
    if (available_)
        mark_available();
}

} // namespace svc::daemon
