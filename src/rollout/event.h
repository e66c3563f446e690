// Event: one line of the service's story, for `svc events`, the log and the waiting callers.
#pragma once

#include "rollout/state.h"

namespace svc::rollout {

enum class EventKind {
    rollout_requested, ///< a revision was made
    rollout_pending,   ///< it waits for the running one
    rollout_started,
    rollout_rolling_back,
    rollout_paused,
    rollout_resumed,
    rollout_stage, ///< reached, analysed, passed
    rollout_ended, ///< with its verdict
    keeping_ended, ///< of a warm old set: the text says why
    frozen,        ///< or unfrozen: the text says
    scaled,
    worker_launched,
    worker_ready,
    worker_available,
    worker_status,
    worker_retired,  ///< the drain began
    worker_stopping, ///< the stop signal was sent
    worker_killed,
    kill_failed, ///< it cannot be killed, or was left behind for that
    worker_exited,
    worker_restarting, ///< it died by itself; the text says when the next try is
    hook_failed,
    worker_recycled,  ///< a successor is wanted for its age or its size
    probe_failed,     ///< or a worker that failed its liveness is alive again: the text says
    worker_reloaded,  ///< in place; or it could not: the text says
    stopping,         ///< the supervisor stops
    listener,         ///< opened, closed (by the daemon)
    listener_damaged, ///< by a worker: repaired, or what to do
    warning,          ///< a request was taken, and something about it is doubtful (by the daemon)
    refused,          ///< a request changed nothing (by the daemon)
    supervisor,       ///< another one took over (by the daemon)
    history,          ///< a revision was not kept on disk, or was taken from there (by the daemon)
};

struct Event {
    std::uint64_t sequence = 0; ///< stamped by the daemon, from 1
    WallTime at{};              ///< stamped by the daemon
    EventKind kind = EventKind::worker_status;
    RevisionNumber revision = 0;
    WorkerId worker = 0;
    std::string worker_name;
    std::optional<Verdict> verdict; ///< of rollout_ended
    std::string text;               ///< a sentence
    bool operator==(const Event&) const = default;
};

} // namespace svc::rollout
