// What the state looks like to a person.
#include "base/text.h"
#include "wire/control.h"
#include "wire/guarantee.h"

#include <algorithm>
#include <array>

namespace svc::wire {
namespace {

using rollout::Outcome;
using rollout::Replica;
using rollout::Revision;
using rollout::RevisionNumber;
using rollout::RolloutPhase;
using rollout::State;
using rollout::Wanted;
using rollout::Worker;
using rollout::WorkerPhase;

/// Phases as they are shown: what happens before the worker's own program runs is one step.
enum class Shown { available, ready, starting, launching, draining, stopping, killing, exited };

Shown shown_phase(WorkerPhase phase) {
    switch (phase) {
    case WorkerPhase::preparing:
    case WorkerPhase::spawning:
    case WorkerPhase::spawned:
    case WorkerPhase::recording:
    case WorkerPhase::recorded:
    case WorkerPhase::executing:
        return Shown::launching;
    case WorkerPhase::starting:
        return Shown::starting;
    case WorkerPhase::ready:
        return Shown::ready;
    case WorkerPhase::available:
        return Shown::available;
    case WorkerPhase::draining:
        return Shown::draining;
    case WorkerPhase::stopping:
        return Shown::stopping;
    case WorkerPhase::killing:
        return Shown::killing;
    case WorkerPhase::exited:
    case WorkerPhase::finished:
        return Shown::exited;
    }
    fatal("shown_phase(): no such phase");
}

constexpr std::array<std::string_view, 8> shown_words = {
    "available", "ready", "starting", "launching", "draining", "stopping", "killing", "exited"};

std::string_view word_of(Shown shown) {
    return shown_words[static_cast<std::size_t>(shown)];
}

/// "58s": what is left is rounded up, so that "1s left" is never over.
std::string left_until(Instant deadline, Instant now) {
    const auto left = std::max(deadline - now, Duration::zero());
    return format_rough(std::chrono::ceil<std::chrono::seconds>(left));
}

const Revision* find_revision(const State& state, RevisionNumber number) {
    const auto found = state.revisions.find(number);
    return found == state.revisions.end() ? nullptr : &found->second;
}

/// What a worker waits for, and how long at most.
struct Wait {
    std::string what; ///< empty: nothing
    std::optional<Instant> until;
    std::optional<Instant> from = {}; ///< when the time until then began
    std::string_view of = "";         ///< what the time is part of
};

std::string text_of(const Wait& wait, Instant now) {
    if (!wait.until)
        return wait.what;
    return wait.what + ", " + left_until(*wait.until, now) + std::string(wait.of) + " left";
}

Wait wait_to_start(const Worker& worker, const Revision* revision) {
    if (worker.watched) {
        const std::string probe(describe(*worker.watched));
        return {worker.probe_text.empty() ? probe : probe + " (" + worker.probe_text + ")",
                worker.start_deadline, worker.since};
    }
    if (revision && revision->spec.ready.on == rollout::ReadyOn::started && worker.executed_at)
        return {"start delay", *worker.executed_at + revision->spec.ready.delay,
                worker.executed_at};
    return {"readiness", worker.start_deadline, worker.since};
}

/// Of one that is ready or available: what it is about besides serving.
std::string errand_of(const Worker& worker) {
    if (!worker.failing.empty())
        return "is drained as soon as it can be missed: " + worker.failing;
    if (worker.stale == rollout::reload_failed)
        return std::string(worker.stale);
    if (!worker.stale.empty())
        return "is being replaced, " + worker.stale;
    if (worker.becoming != 0)
        return "its reload as revision " + std::to_string(worker.becoming);
    return worker.reloading ? "its own reload" : "";
}

Wait wait_of(const Worker& worker, const Revision* revision) {
    constexpr std::string_view grace = " of grace";
    switch (shown_phase(worker.phase)) {
    case Shown::launching:
        return {worker.running_hook ? "pre-start hook" : "launch", {}};
    case Shown::starting:
        return wait_to_start(worker, revision);
    case Shown::ready:
        if (!revision || !worker.ready_at)
            return {};
        if (worker.running_hook == rollout::HookPoint::post_ready)
            return {"post-ready hook", {}};
        return {"min_ready", *worker.ready_at + revision->spec.rollout.min_ready, worker.ready_at};
    case Shown::available:
        return {errand_of(worker), {}};
    case Shown::draining:
        if (worker.idle_deadline && !worker.running_hook)
            return {worker.connections ? rollout::connections_text(*worker.connections)
                                       : "its connections (nobody knows how many)",
                    worker.idle_deadline, worker.counting_since};
        return {worker.running_hook ? "pre-stop hook" : "stop signal", worker.stop_deadline,
                worker.drain_began, grace};
    case Shown::stopping:
        return {"stop signal sent", worker.stop_deadline, worker.drain_began, grace};
    case Shown::killing:
        return {cannot_be_killed(worker) ? describe_kill_failure(worker) : "end after SIGKILL", {}};
    case Shown::exited:
        if (!worker.running_hook)
            return {};
        return {"post-stop hook", worker.stop_deadline, worker.since};
    }
    fatal("wait_of(): no such phase");
}

WorkerStatus worker_status(const State& state, const Worker& worker, Instant now) {
    WorkerStatus status;
    status.name = worker.name;
    status.revision = worker.revision;
    status.replica = worker.replica;
    status.state = word_of(shown_phase(worker.phase));
    status.pid = worker.pid;
    status.age_us = std::max(now - worker.launched_at, Duration::zero()).count();
    status.waits_for = text_of(wait_of(worker, find_revision(state, worker.revision)), now);
    status.status_text = worker.status_text;
    return status;
}

/// What a worker that is due waits for; empty: it would be launched.
std::string wait_for_room(const State& state) {
    const std::uint32_t total = budget_in_force(state).total;
    const auto running = std::count_if(state.workers.begin(), state.workers.end(),
                                       [](const auto& entry) { return has_process(entry.second); });
    const auto leaving =
        std::count_if(state.workers.begin(), state.workers.end(), [](const auto& entry) {
            return has_process(entry.second) && !is_live(entry.second);
        });
    if (state.wanted != Wanted::run || running < total)
        return {};
    return "room under max_total (" + std::to_string(total) + "), " + std::to_string(leaving) +
           (leaving == 1 ? " worker is" : " workers are") + " on the way out";
}

/// `live`: the first worker of the replica that lives, or null. `room`: wait_for_room().
ReplicaStatus replica_status(const State& state, const Replica& replica, const Worker* live,
                             const std::string& room, Instant now) {
    ReplicaStatus status{replica.index, replica.restarts, replica.failures, {}};
    if (live != nullptr) {
        const auto* revision = find_revision(state, live->revision);
        if (live->revision != replica.failing_revision ||
            (revision && stayed_up(*live, revision->spec.restart, now)))
            status.failures = 0;
        return status;
    }
    if (replica.held_down)
        status.waits_for = "held down, the restart policy says so (" + replica.last_exit +
                           "): `svc reload` starts it again";
    else if (replica.next_start && *replica.next_start > now)
        status.waits_for = "restart in " + left_until(*replica.next_start, now) +
                           (replica.last_exit.empty() ? "" : " (" + replica.last_exit + ")");
    else
        status.waits_for = room;
    return status;
}

std::vector<ReplicaStatus> replicas_status(const State& state, Instant now) {
    std::vector<const Worker*> live(state.replicas);
    for (const auto& [id, worker] : state.workers)
        if (worker.replica < live.size() && live[worker.replica] == nullptr && is_live(worker))
            live[worker.replica] = &worker;
    const std::string room = wait_for_room(state);
    std::vector<ReplicaStatus> list;
    for (const auto& replica : state.replica_list)
        if (replica.index < live.size())
            list.push_back(replica_status(state, replica, live[replica.index], room, now));
    return list;
}

/// "5m": what has gone by is rounded down.
std::string gone_since(Instant then, Instant now) {
    return format_rough(
        std::max(std::chrono::floor<std::chrono::seconds>(now - then), std::chrono::seconds(0)));
}

RolloutStatus status_of(const State& state, const rollout::Rollout& rollout, Instant now) {
    RolloutStatus status;
    status.phase = rollout.phase == RolloutPhase::rolling_back ? "rolling back"
                   : rollout.paused_at                         ? "paused"
                                                               : "progressing";
    status.from = rollout.from;
    status.to = rollout.to;
    status.reason = rollout.reason;
    status.last_output = rollout.last_output;
    status.step = describe_stage(state, now);
    if (rollout.paused_at) {
        status.paused = "for " + gone_since(*rollout.paused_at, now) + ", " + rollout.pause_reason;
        if (rollout.failure != rollout.pause_reason)
            status.failure = rollout.failure;
    }
    return status;
}

std::vector<RolloutStatus> rollout_status(const State& state, Instant now) {
    RolloutStatus status;
    if (state.rollout) {
        status = status_of(state, *state.rollout, now);
    } else if (!state.outcomes.empty()) {
        const Outcome& outcome = state.outcomes.back();
        status.phase = describe(outcome.verdict);
        status.to = outcome.revision;
        status.reason = outcome.reason;
        status.last_output = outcome.last_output;
        status.ended_ago_us = std::max(now - outcome.ended, Duration::zero()).count();
    } else {
        return {};
    }
    status.updated = available_workers(state, status.to);
    return {std::move(status)};
}

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string share(std::uint32_t part, std::uint32_t whole) {
    return number(part) + "/" + number(whole);
}

/// What a rollout that goes forward stands still for.
std::string standstill_of(const State& state) {
    const rollout::Rollout& rollout = *state.rollout;
    if (rollout.paused_at)
        return ", paused";
    if (const std::string hook = hook_under_way(state); !hook.empty())
        return ", " + hook;
    if (!rollout::is_held(state) || !rollout::is_staged(state) || rollout.promoted)
        return {};
    const bool timed =
        rollout::rollout_spec_in_force(state).stages.at(rollout.stage).hold.has_value();
    return timed ? ", held" : ", waits for svc promote";
}

std::string kept_set(const State& state, Instant now) {
    if (state.kept == 0)
        return {};
    const std::uint32_t left = rollout::available_workers(state, state.kept);
    return "revision " + number(state.kept) + ", " + number(left) +
           (left == 1 ? " worker" : " workers") + ", for " + left_until(state.kept_until, now) +
           " more";
}

void describe_revision(const Revision& revision, ServiceStatus& status) {
    status.revision = revision.number;
    status.cause = describe(revision.cause);
    status.revision_made_at_us = revision.made_at.time_since_epoch().count();
    status.guarantee = describe(guarantee_of(revision));
}

} // namespace

std::string summary_of(const State& state) {
    if (state.wanted != Wanted::run) {
        const auto left = std::count_if(state.workers.begin(), state.workers.end(),
                                        [](auto& entry) { return has_process(entry.second); });
        const std::string why =
            state.failed ? "failed, stopping: " : (left == 0 ? "stopped: " : "stopping: ");
        return why + number(static_cast<std::uint64_t>(left)) +
               (left == 1 ? " worker left" : " workers left");
    }
    std::string text;
    if (state.rollout) {
        const std::string to = number(state.rollout->to);
        const std::string from = number(state.rollout->from);
        if (state.rollout->phase == RolloutPhase::rolling_back)
            text = "rolling back " + to + " → " + from;
        else if (state.rollout->from == 0)
            text = "starting revision " + to + ": " +
                   share(available_workers(state, state.rollout->to), state.replicas) +
                   " available";
        else
            text = name_of(rollout::rollout_spec_in_force(state).strategy) + " " + from + " → " +
                   to + ": " + share(available_workers(state, state.rollout->to), state.replicas) +
                   " updated" + standstill_of(state);
    } else if (state.current == 0) {
        text = "no revision yet";
    } else {
        text = "revision " + number(state.current) + ", " +
               share(count_serving(state), state.replicas) + " available";
    }
    if (state.pending != 0)
        text += ", " + number(state.pending) + " waits";
    if (state.frozen)
        text += ", frozen";
    return text;
}

ServiceStatus status_of(const State& state, Instant now) {
    ServiceStatus status;
    status.service = state.service;
    // Before the first revision is complete, the one that is being tried is of interest.
    const auto* revision = find_revision(state, state.current);
    if (!revision && state.rollout)
        revision = find_revision(state, state.rollout->to);
    if (revision)
        describe_revision(*revision, status);
    status.replicas = state.replicas;
    status.pending = state.pending;
    status.stopping = state.wanted != Wanted::run;
    status.rollout = rollout_status(state, now);
    status.available = count_serving(state);
    status.kept = kept_set(state, now);
    status.frozen = state.frozen.value_or("");
    for (const auto& [id, worker] : state.workers) {
        if (worker.phase != WorkerPhase::finished)
            status.workers.push_back(worker_status(state, worker, now));
    }
    // The map is by id, which is by age.
    std::stable_sort(status.workers.begin(), status.workers.end(),
                     [](auto& left, auto& right) { return left.replica < right.replica; });
    status.replica_list = replicas_status(state, now);
    status.summary = summary_of(state);
    return status;
}

WorkerProgress progress_of(const State& state, const Worker& worker, Instant now) {
    const Wait wait = wait_of(worker, find_revision(state, worker.revision));
    WorkerProgress progress;
    progress.name = worker.name;
    progress.revision = worker.revision;
    progress.replica = worker.replica;
    progress.state = word_of(shown_phase(worker.phase));
    progress.since_us = std::max(now - worker.since, Duration::zero()).count();
    progress.waits_for = wait.what;
    if (wait.until)
        progress.left_us = std::max(*wait.until - now, Duration::zero()).count();
    if (wait.until && wait.from)
        progress.length_us = std::max(*wait.until - *wait.from, Duration::zero()).count();
    progress.note = worker.status_text;
    return progress;
}

std::string count_workers(const State& state) {
    std::array<std::uint32_t, shown_words.size()> counts{};
    for (const auto& [id, worker] : state.workers)
        if (worker.phase != WorkerPhase::finished)
            ++counts[static_cast<std::size_t>(shown_phase(worker.phase))];
    std::vector<std::string> parts;
    for (std::size_t index = 0; index < counts.size(); ++index)
        if (counts[index] > 0)
            parts.push_back(number(counts[index]) + " " + std::string(shown_words[index]));
    return join(parts, ", ");
}

} // namespace svc::wire
