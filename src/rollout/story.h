// How events are worded: shared by record() and apply().
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

/// Keeps the newest outcomes: enough for every caller that may still be waiting.
inline void keep_outcome(State& state, Outcome outcome) {
    constexpr std::size_t kept = 64;
    state.outcomes.push_back(std::move(outcome));
    if (state.outcomes.size() > kept)
        state.outcomes.erase(state.outcomes.begin());
}

} // namespace svc::rollout
