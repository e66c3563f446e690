// Events as people read them.
#include "wire/control.h"

namespace svc::wire {

using rollout::EventKind;

std::string sentence_of(const rollout::Event& event) {
    const auto about_worker = [&](std::string_view what) {
        if (event.worker_name.empty() || event.text.starts_with(event.worker_name))
            return event.text;
        return event.worker_name + std::string(what) + event.text;
    };
    switch (event.kind) {
    case EventKind::rollout_requested:
        return "revision " + std::to_string(event.revision) + " requested" +
               (event.text.empty() ? "" : ": " + event.text);
    case EventKind::scaled:
        return "scaled " + event.text;
    case EventKind::stopping:
        return "the supervisor stops: " + event.text;
    case EventKind::worker_retired:
        return about_worker(" is retired: ");
    case EventKind::worker_killed:
        return about_worker(" is killed: ");
    case EventKind::rollout_paused:
        return "the rollout of revision " + std::to_string(event.revision) +
               " is paused: " + event.text;
    case EventKind::rollout_rolling_back:
        return "revision " + std::to_string(event.revision) +
               " is being rolled back: " + event.text;
    case EventKind::rollout_stage:
        return "revision " + std::to_string(event.revision) + ": " + event.text;
    case EventKind::rollout_pending:
    case EventKind::rollout_started:
    case EventKind::rollout_resumed:
    case EventKind::frozen:
    case EventKind::rollout_ended:
    case EventKind::keeping_ended:
    case EventKind::worker_launched:
    case EventKind::worker_ready:
    case EventKind::worker_available:
    case EventKind::worker_status:
    case EventKind::worker_stopping:
    case EventKind::kill_failed:
    case EventKind::worker_exited:
    case EventKind::worker_restarting:
    case EventKind::hook_failed:
    case EventKind::worker_recycled:
    case EventKind::probe_failed:
    case EventKind::worker_reloaded:
    case EventKind::listener:
    case EventKind::listener_damaged:
    case EventKind::warning:
    case EventKind::refused:
    case EventKind::supervisor:
    case EventKind::history:
        return about_worker(event.text.starts_with("is ") ? " " : ": ");
    }
    fatal("sentence_of(): no such kind of event");
}

} // namespace svc::wire
