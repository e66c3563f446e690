// record_of_worker(): what a worker did or said, into the state.
#include "rollout/recorder.h"

#include "base/text.h"
#include "rollout/story.h"

#include <algorithm>
#include <utility>

namespace svc::rollout {

namespace {

constexpr std::size_t status_text_limit = 512; // bytes

/// Writes what was seen. One call of visit() a recording; the members are the places it may write to.
struct Recorder {
    State& state;
    Instant now;
    std::vector<Event>& events;

    Worker* find(WorkerId id) {
        const auto found = state.workers.find(id);
        return found == state.workers.end() ? nullptr : &found->second;
    }
    const Spec& spec_of(const Worker& worker) { return state.revisions.at(worker.revision).spec; }

    void operator()(const WorkerSpawned& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->phase != WorkerPhase::spawning)
            return;
        worker->pid = seen.pid;
        enter(*worker, WorkerPhase::spawned, now);
    }

    void operator()(const WorkerRecorded& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && worker->phase == WorkerPhase::recording)
            enter(*worker, WorkerPhase::recorded, now);
    }

    void operator()(const WorkerExecuted& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && worker->phase == WorkerPhase::executing)
            begin_starting(*worker);
    }

    void begin_starting(Worker& worker) {
        const Spec& spec = spec_of(worker);
        worker.executed_at = now;
        worker.started_up = !spec.ready.startup.has_value();
        worker.post_ready_done = !spec.ready.post_ready.has_value();
        enter(worker, WorkerPhase::starting, now);
    }

    void operator()(const LaunchFailed& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !has_process(*worker))
            return;
        ExitStatus exit;
        exit.kind = ExitStatus::Kind::launch;
        exit.value = seen.error;
        exit.detail = printable(seen.sentence, 1024);
        ended(*worker, exit, {});
    }

    void operator()(const WorkerExited& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !has_process(*worker))
            return;
        // The end can be seen before the end-of-file that confirms the exec.
        if (worker->phase == WorkerPhase::executing)
            worker->executed_at = now;
        ended(*worker, seen.status, seen.last_output);
    }

    void ended(Worker& worker, const ExitStatus& exit, const std::vector<std::string>& output) {
        worker.exit = exit;
        if (!output.empty() || worker.last_output.empty())
            worker.last_output = bounded(output);
        // It died over its own reload: that was the new revision's doing.
        if (worker.becoming != 0)
            worker.revision = std::exchange(worker.becoming, 0);
        worker.watched.reset();
        enter(worker, WorkerPhase::exited, now);
        events.push_back(about(EventKind::worker_exited, worker, describe(exit)));
        if (worker.retirement ==
            Retirement::none) // of one that failed it was noted when it was retired
            note_failure(state, worker, now, events);
    }

    void operator()(const WorkerNotified& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !has_process(*worker))
            return;
        if (seen.status)
            set_status(*worker, printable(*seen.status, status_text_limit));
        if (seen.error)
            worker->notified_errno = *seen.error;
        if (seen.stopping)
            worker->announced_stop = true;
        if (seen.reloading)
            worker->reloading = true;
        if (seen.extend_timeout)
            extend(*worker, *seen.extend_timeout);
        if (seen.ready)
            said_ready(*worker);
    }

    void set_status(Worker& worker, std::string text) {
        if (worker.status_text == text)
            return;
        worker.status_text = std::move(text);
        events.push_back(about(EventKind::worker_status, worker, worker.status_text));
    }

    void said_ready(Worker& worker) {
        worker.reloading = false;
        if (worker.retirement != Retirement::none || spec_of(worker).ready.on != ReadyOn::notify)
            return;
        // READY=1 can overtake the end-of-file that confirms the exec: they are two sockets.
        if (worker.phase == WorkerPhase::executing)
            begin_starting(worker);
        worker.said_ready = true;
        if (worker.started_up)
            show_ready(worker);
    }

    /// As [ready] has it.
    void show_ready(Worker& worker) {
        if (!verification_of(spec_of(worker)))
            become_ready(worker);
        else if (worker.phase == WorkerPhase::starting)
            worker.verifying = true;
    }

    void become_ready(Worker& worker) {
        if (worker.retirement != Retirement::none || worker.phase != WorkerPhase::starting)
            return;
        worker.ready_at = now;
        worker.probe_text.clear();
        enter(worker, WorkerPhase::ready, now);
        events.push_back(about(EventKind::worker_ready, worker, "is ready"));
    }

    /// sd_notify(3): the time counts from this message. Bounded, or a worker could hold a rollout for ever.
    void extend(Worker& worker, Duration by) {
        const Spec& spec = spec_of(worker);
        if (by <= Duration::zero())
            return;
        if (worker.drain_began) {
            const Instant limit =
                *worker.drain_began + std::max(spec.stop.grace_max, spec.stop.grace);
            worker.stop_deadline = std::max(
                worker.stop_deadline, std::min(now + std::min(by, spec.stop.grace_max), limit));
        } else if (worker.phase < WorkerPhase::ready) {
            const Duration longest = std::max(spec.ready.timeout, spec.rollout.progress_deadline);
            worker.start_deadline =
                std::max(worker.start_deadline,
                         std::min(now + std::min(by, longest), worker.launched_at + longest));
        }
    }

    void operator()(const MainPidChanged& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && has_process(*worker))
            worker->pid = seen.pid;
    }

    void operator()(const HookEnded& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->running_hook != seen.point)
            return;
        worker->running_hook.reset();
        const HookSpec& hook = *hook_of(spec_of(*worker), seen.point);
        std::string failure;
        if (!seen.succeeded) {
            failure =
                std::string(describe(seen.point)) + " hook failed: " + printable(seen.detail, 1024);
            events.push_back(about(EventKind::hook_failed, *worker, failure));
        }
        if (hook.on_failure == HookFailure::ignore)
            failure.clear();
        if (!failure.empty())
            worker->last_output = bounded(seen.last_output);
        after_hook(*worker, seen.point, failure);
    }

    void after_hook(Worker& worker, HookPoint point, const std::string& failure) {
        switch (point) {
        case HookPoint::pre_start:
            if (worker.phase == WorkerPhase::preparing && !failure.empty())
                ended(worker, ExitStatus{.kind = ExitStatus::Kind::launch, .detail = failure}, {});
            return;
        case HookPoint::post_ready:
            worker.post_ready_done = true;
            if (worker.failing.empty())
                worker.failing = failure;
            return;
        case HookPoint::post_stop:
            if (worker.phase == WorkerPhase::exited)
                enter(worker, WorkerPhase::finished, now);
            break;
        case HookPoint::pre_stop:
            break;
        }
        fail_its_rollout(worker, failure);
    }

    /// Of an old worker's: the rollout that replaces it is what cannot go on.
    void fail_its_rollout(const Worker& worker, const std::string& failure) {
        if (failure.empty() || !state.rollout || !was_replaced_by(worker, *state.rollout) ||
            state.rollout->phase != RolloutPhase::progressing || !state.rollout->failure.empty())
            return;
        state.rollout->failure = worker.name + ": " + failure;
        state.rollout->last_output = worker.last_output;
    }

    void operator()(const ProbeReported& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->watched != seen.kind || !is_live(*worker))
            return;
        const std::string detail = printable(seen.detail, 512);
        switch (seen.verdict) {
        case ProbeVerdict::failing:
            if (seen.kind != ProbeKind::live)
                worker->probe_text = detail;
            return;
        case ProbeVerdict::failed:
            probe_failed(*worker, seen.kind, detail);
            return;
        case ProbeVerdict::passed:
            probe_passed(*worker, seen.kind);
            return;
        }
    }

    void probe_failed(Worker& worker, ProbeKind kind, const std::string& detail) {
        if (kind != ProbeKind::live)
            worker.watched.reset();
        if (!worker.failing.empty())
            return;
        worker.failing = std::string(describe(kind)) + " failed: " + detail;
        events.push_back(about(EventKind::probe_failed, worker, worker.failing));
    }

    void probe_passed(Worker& worker, ProbeKind kind) {
        switch (kind) {
        case ProbeKind::startup:
            worker.watched.reset();
            worker.started_up = true;
            worker.probe_text.clear();
            if (worker.said_ready)
                show_ready(worker);
            return;
        case ProbeKind::ready:
            worker.watched.reset();
            worker.probe_text.clear();
            show_ready(worker);
            return;
        case ProbeKind::verify:
            worker.watched.reset();
            worker.verifying = false;
            become_ready(worker);
            return;
        case ProbeKind::live:
            // It came back before its turn to be drained had come.
            if (!worker.failing.empty())
                events.push_back(about(EventKind::probe_failed, worker, "is alive again"));
            worker.failing.clear();
            return;
        }
    }

    void operator()(const MemoryExceeded& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && is_live(*worker))
            worker->excess_memory = seen.bytes;
    }

    void operator()(const WorkerReloaded& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->becoming == 0 || !is_live(*worker))
            return;
        const RevisionNumber to = std::exchange(worker->becoming, 0);
        const bool forward = to >= worker->revision; // a revert goes to an older one
        if (seen.succeeded) {
            worker->revision = to;
            worker->ready_at = now; // min_ready counts from here
            worker->stale.clear();
            events.push_back(about(EventKind::worker_reloaded, *worker,
                                   "reloaded itself as " + revision_text(to)));
            if (state.rollout && to == target_revision(state))
                state.rollout->progressed = now;
            return;
        }
        const std::string failure = "in-place reload failed: " + printable(seen.detail, 1024);
        worker->last_output = bounded(seen.last_output);
        events.push_back(about(EventKind::worker_reloaded, *worker, failure));
        if (!forward) {
            worker->stale = "it could not be reverted";
            return;
        }
        worker->revision = to; // nobody knows what it runs
        worker->stale = reload_failed;
        if (state.rollout && state.rollout->to == to &&
            state.rollout->phase == RolloutPhase::progressing && state.rollout->failure.empty()) {
            state.rollout->failure = worker->name + ": " + failure;
            state.rollout->last_output = worker->last_output;
        }
    }

    void operator()(const ConnectionsCounted& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !worker->counting_since)
            return;
        worker->counting_since.reset();
        worker->counted_at = now;
        worker->connections = seen.open;
    }

    void operator()(const OutputRead& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || !worker->output_due || worker->phase >= WorkerPhase::exited)
            return;
        if (worker->last_output.empty())
            worker->last_output = bounded(seen.last_output);
        worker->output_due = std::min(*worker->output_due, now);
    }

    void operator()(const SignalSent& seen) {
        Worker* worker = find(seen.worker);
        if (worker != nullptr && worker->phase == WorkerPhase::stopping)
            worker->signal_sent = true;
    }

    void operator()(const KillFailed& seen) {
        Worker* worker = find(seen.worker);
        if (worker == nullptr || worker->phase != WorkerPhase::killing)
            return;
        worker->kill_failure = printable(seen.reason, 256);
        events.push_back(about(EventKind::kill_failed, *worker, describe_kill_failure(*worker)));
    }
};

} // namespace

void record_of_worker(State& state, const Observation& observation, Instant now,
                      std::vector<Event>& events) {
    std::visit(
        [&]<class Seen>(const Seen& seen) {
            if constexpr (AboutWorker<Seen>)
                Recorder{state, now, events}(seen);
        },
        observation);
}

} // namespace svc::rollout
