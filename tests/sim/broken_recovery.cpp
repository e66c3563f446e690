// What is wrong on purpose between two supervisors: what the next one makes of the state, and what this one leaves.
#include "broken.h"

namespace svc::sim {

using namespace rollout;

namespace {

/// 5: knows only what serves.
Recovery forgets_the_living(State& state, const Survivors& survivors, Instant now,
                            std::vector<Event>& events) {
    std::erase_if(state.workers, [](const auto& entry) {
        return entry.second.phase == WorkerPhase::starting ||
               entry.second.phase == WorkerPhase::draining;
    });
    return recover(state, survivors, now, events);
}

/// 5: takes a launcher that was not released for a worker.
Recovery believes_in_launchers(State& state, const Survivors& survivors, Instant now,
                               std::vector<Event>& events) {
    Survivors more = survivors;
    for (auto& [id, worker] : state.workers) {
        if (worker.phase >= WorkerPhase::spawned && worker.phase < WorkerPhase::executing) {
            worker.phase = WorkerPhase::executing;
            more.running.insert(id);
        }
    }
    return recover(state, more, now, events);
}

/// 6: a launch that ended with the supervisor is a failure of what was to be launched.
Recovery blames_what_never_ran(State& state, const Survivors& survivors, Instant now,
                               std::vector<Event>& events) {
    for (auto& [id, worker] : state.workers)
        if (worker.phase < WorkerPhase::executing)
            record(state, LaunchFailed{id, 32, "order", "its launch failed: Broken pipe"}, now,
                   events);
    return recover(state, survivors, now, events);
}

/// 5: sends every stop signal again.
Recovery signals_again(State& state, const Survivors& survivors, Instant now,
                       std::vector<Event>& events) {
    for (auto& [id, worker] : state.workers)
        worker.signal_sent = false;
    return recover(state, survivors, now, events);
}

/// 6: does not do again what may not have been done.
Recovery resumes_nothing(State& state, const Survivors& survivors, Instant now,
                         std::vector<Event>& events) {
    recover(state, survivors, now, events);
    return {};
}

/// 6: waits for the end of hooks that ended with the supervisor.
Recovery waits_for_lost_hooks(State& state, const Survivors& survivors, Instant now,
                              std::vector<Event>& events) {
    const auto before = state.rollout;
    Recovery recovery = recover(state, survivors, now, events);
    if (before) {
        state.rollout->before = before->before;
        state.rollout->analysis = before->analysis;
        state.rollout->after = before->after;
    }
    return recovery;
}

} // namespace

const std::vector<BrokenPolicy>& broken_successions() {
    static const std::vector<BrokenPolicy> all = {
        {"forgets_the_living", '5', decide, forgets_the_living},
        {"believes_in_launchers", '5', decide, believes_in_launchers},
        {"blames_what_never_ran", '6', decide, blames_what_never_ran},
        {"signals_again", '5', decide, signals_again},
        {"resumes_nothing", '6', decide, resumes_nothing},
        {"waits_for_lost_hooks", '6', decide, waits_for_lost_hooks},
        // Of the host: what is there is not what was published.
        {"publishes_late", any_invariant, decide, recover, {.publishes_late = true}},
        {"releases_early", '5', decide, recover, {.releases_early = true}},
        {"trusts_the_store", '5', decide, recover, {.trusts_the_store = true}},
        {"reads_early", '6', decide, recover, {.reads_early = true}},
    };
    return all;
}

} // namespace svc::sim
