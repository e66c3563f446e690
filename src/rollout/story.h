// What record() and apply() share: how events are worded, and small changes that both make.
#pragma once

#include "rollout/event.h"

namespace svc::rollout {

inline Event about(EventKind kind, const Worker& worker, std::string text) {
    return Event{.kind = kind,
                 .revision = worker.revision,
                 .worker = worker.id,
                 .worker_name = worker.name,
                 .text = std::move(text)};
}

inline Event about(EventKind kind, RevisionNumber revision, std::string text) {
    return Event{.kind = kind, .revision = revision, .text = std::move(text)};
}

inline std::string revision_text(RevisionNumber number) {
    return "revision " + std::to_string(number);
}

inline void enter(Worker& worker, WorkerPhase phase, Instant now) {
    worker.phase = phase;
    worker.since = now;
}

/// A rollout is a deliberate start: what was held down or waits for its backoff is tried again.
inline void let_replicas_start(State& state) {
    for (Replica& replica : state.replica_list) {
        replica.held_down = false;
        replica.next_start.reset();
    }
}

/// A worker that ended by itself, or was retired because it failed: it is counted, and sets the backoff.
void note_failure(State& state, const Worker& worker, Instant now, std::vector<Event>& events);

/// Keeps the newest outcomes: enough for every caller that may still be waiting.
inline void keep_outcome(State& state, Outcome outcome) {
    constexpr std::size_t kept = 64;
    state.outcomes.push_back(std::move(outcome));
    if (state.outcomes.size() > kept)
        state.outcomes.erase(state.outcomes.begin());
}

} // namespace svc::rollout
