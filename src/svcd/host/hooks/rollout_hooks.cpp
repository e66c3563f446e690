#include "svcd/host/hooks/rollout_hooks.h"

#include "base/text.h"

#include <utility>

namespace svc::daemon {

namespace {

HookSubject subject_of(std::shared_ptr<const rollout::Revision> revision,
                       rollout::RevisionNumber from) {
    HookSubject subject;
    subject.environment = {"SVC_OLD_REVISION=" + std::to_string(from)};
    subject.revision = std::move(revision);
    return subject;
}

} // namespace

void RolloutHooks::run(const rollout::RunRolloutHook& run,
                       std::shared_ptr<const rollout::Revision> revision,
                       rollout::RevisionNumber from) {
    const auto& hook = rollout::hook_of(revision->spec.rollout, run.hook);
    if (!hook)
        fatal("a rollout's hook that its revision does not have");
    HookSubject subject = subject_of(revision, from);
    if (run.hook == rollout::RolloutHook::analysis)
        subject.environment.push_back("SVC_STEP=" + std::to_string(run.stage + 1));
    subject.environment.push_back(std::string("SVC_REASON=") +
                                  (revision->made_from != 0 ? "undo" : describe(revision->cause)));
    awaited_.start(*hook, std::move(subject), [this, run](HookVerdict verdict) {
        context_.callbacks.observe(
            rollout::RolloutHookEnded{run.revision, run.hook, run.stage, verdict.succeeded,
                                      std::move(verdict.detail), std::move(verdict.output)});
    });
}

void RolloutHooks::expect_failure(const rollout::Revision& revision, rollout::RevisionNumber from,
                                  const std::string& reason) {
    if (!revision.spec.rollout.failed)
        return;
    failed_.cancel();
    context_.ledger.failure = wire::FailureRecord{revision, from, reason};
}

void RolloutHooks::tell_failure() {
    if (!context_.ledger.failure || failed_.runs())
        return; // one that runs tells of an earlier rollout: this one has no such hook
    const wire::FailureRecord& due = *context_.ledger.failure;
    const auto& hook = due.revision.spec.rollout.failed;
    if (!hook)
        return;
    const rollout::RevisionNumber number = due.revision.number;
    HookSubject subject =
        subject_of(std::make_shared<const rollout::Revision>(due.revision), due.from);
    subject.environment.push_back("SVC_REASON=" + printable(due.reason, 4096));
    failed_.start(*hook, std::move(subject), [this, number](const HookVerdict& verdict) {
        context_.ledger.failure.reset();
        const auto then = std::exchange(when_told_, nullptr);
        if (!verdict.succeeded)
            report_untold(number, verdict);
        context_.callbacks.publish();
        context_.callbacks.recorded(); // an upgrade may have waited for it
        if (then)
            then();
    });
}

void RolloutHooks::when_told(std::function<void()> then) {
    if (failed_.runs())
        when_told_ = std::move(then);
    else
        then();
}

void RolloutHooks::report_untold(rollout::RevisionNumber number, const HookVerdict& verdict) {
    rollout::Event event;
    event.kind = rollout::EventKind::hook_failed;
    event.revision = number;
    event.text = "the hook for a failed rollout failed: " + printable(verdict.detail, 1024);
    context_.callbacks.report(event);
}

} // namespace svc::daemon
