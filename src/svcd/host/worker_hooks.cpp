// A worker's hooks.
#include "svcd/host/worker_process.h"

namespace svc::daemon {

namespace {

std::string_view word_of(rollout::Retirement why) {
    switch (why) {
    case rollout::Retirement::none:
        return "exited";
    case rollout::Retirement::replaced:
        return "replaced";
    case rollout::Retirement::scaled_down:
        return "scaled_down";
    case rollout::Retirement::failed:
        return "failed";
    case rollout::Retirement::taken_back:
        return "taken_back";
    case rollout::Retirement::stopped:
        return "stopped";
    }
    fatal("word_of(): no such retirement");
}

} // namespace

/// What hooks and probes have in common.
HookSubject WorkerProcess::subject() const {
    HookSubject subject;
    subject.revision = identity_.revision;
    subject.environment = listeners_.environment();
    subject.environment.push_back("SVC_REPLICA=" + std::to_string(identity_.replica));
    subject.environment.push_back("SVC_WORKER=" + identity_.name);
    if (main_ != 0)
        subject.environment.push_back("SVC_WORKER_PID=" + std::to_string(main_));
    if (stage_ == Stage::running)
        subject.pidfd = main_pidfd();
    return subject;
}

ProbeTarget WorkerProcess::probe_target() const {
    return ProbeTarget{who(), identity_.name, identity_.replica, listeners_.addresses(), subject()};
}

std::vector<WatchedListener> WorkerProcess::shared_listeners() const {
    std::vector<WatchedListener> shared;
    const auto& revision = *identity_.revision;
    for (const auto& listener : revision.spec.listeners)
        if (listener.scope != rollout::ListenerScope::worker)
            shared.push_back({listener.name, context_.listeners.fds_of(listener, revision.number)});
    return shared;
}

HookSubject WorkerProcess::hook_subject(rollout::HookPoint point) const {
    using rollout::HookPoint;
    HookSubject subject = this->subject();
    const bool at_its_end = point == HookPoint::pre_stop || point == HookPoint::post_stop;
    subject.environment.push_back(
        "SVC_REASON=" + (at_its_end ? std::string(word_of(retired_)) : identity_.launched_for));
    subject.environment.push_back("SVC_OLD_REVISION=" + std::to_string(identity_.old_revision));
    if (point == HookPoint::post_stop) {
        subject.environment.push_back("SVC_EXIT_STATUS=" + std::to_string(exit_.value));
        subject.environment.push_back("SVC_EXIT_REASON=" + rollout::describe(exit_));
    }
    return subject;
}

void WorkerProcess::start_hook(rollout::HookPoint point) {
    const auto& hook = rollout::hook_of(identity_.revision->spec, point);
    if (!hook) // policy asks only for hooks that there are
        fatal("a hook that the worker's revision does not have");
    rollout::HookSpec bounded = *hook;
    // Policy itself ends these two, and may have prolonged the time that they have.
    if (point == rollout::HookPoint::post_stop)
        bounded.timeout.reset();
    hook_.start(bounded, hook_subject(point), [this, point](HookVerdict verdict) {
        context_.callbacks.observe(rollout::HookEnded{identity_.id, point, verdict.succeeded,
                                                      std::move(verdict.detail),
                                                      std::move(verdict.output)});
    });
}

void WorkerProcess::cancel_hook() {
    hook_.cancel();
}

void WorkerProcess::retire(rollout::Retirement why, rollout::RevisionNumber old_revision,
                           bool run_pre_stop) {
    retired_ = why;
    identity_.old_revision = old_revision;
    hook_.cancel();
    call_off();
    watch_.end();
    memory_.stop();
    reload_.reset();
    becoming_.reset();
    note();
    if (run_pre_stop)
        start_hook(rollout::HookPoint::pre_stop);
}

void WorkerProcess::watch(rollout::ProbeKind kind) {
    if (stage_ == Stage::running)
        watch_.begin(kind, identity_.revision->spec);
}

void WorkerProcess::stop_watching() {
    watched_ = watch_.kind();
    watch_.end();
}

void WorkerProcess::watch_again() {
    if (const auto kind = std::exchange(watched_, std::nullopt))
        watch(*kind);
}

void WorkerProcess::mark_available() {
    if (stage_ != Stage::running)
        return;
    available_ = true;
    memory_.start(identity_.revision->spec.recycle);
}

std::vector<pid_t> WorkerProcess::processes() const {
    std::vector<pid_t> roots;
    if (stage_ != Stage::launching && stage_ != Stage::running)
        return roots;
    if (leader_is_ != Leader::reaped)
        roots.push_back(leader_);
    if (leader_is_ != Leader::main)
        roots.push_back(main_); // it may have come to us, and be no descendant of the leader's
    return roots;
}

} // namespace svc::daemon
