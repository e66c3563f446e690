// Action: what policy wants done. apply() writes the intent into the State first; then the Host
// performs it. An action without a mechanism (MarkAvailable, …) ends in apply().
#pragma once

#include "rollout/observation.h"

namespace svc::rollout {

/// A new worker. With a pre-start hook it is `preparing` and the hook runs (answer: HookEnded, then
/// SpawnWorker); else it is spawned at once.
struct LaunchWorker {
    WorkerId worker = 0;
    RevisionNumber revision = 0;
    std::uint32_t replica = 0;
};
/// Start svc-launch: order, listeners, notify socket. Answer: WorkerSpawned, or LaunchFailed.
struct SpawnWorker {
    WorkerId worker = 0;
};
/// Write the worker where it survives the supervisor. Answer: WorkerRecorded.
struct RecordWorker {
    WorkerId worker = 0;
};
/// Send GO. Answer: WorkerExecuted, LaunchFailed or WorkerExited.
struct ReleaseWorker {
    WorkerId worker = 0;
};
struct MarkReady { ///< on = "started": the delay passed; it is ready, or verified first
    WorkerId worker = 0;
};
/// Begin to probe (startup, ready), to read the fd that it says it is ready on, to run in_place.verify
/// until it succeeds, or to watch over its life (probe, watchdog). What was watched before is watched no
/// longer. Answers: ProbeReported.
struct WatchWorker {
    WorkerId worker = 0;
    ProbeKind kind = ProbeKind::ready;
};
struct RunPostReady { ///< answer: HookEnded
    WorkerId worker = 0;
};
struct MarkAvailable {
    WorkerId worker = 0;
};
/// It is time for a successor: max_age, max_memory.
struct RecycleWorker {
    WorkerId worker = 0;
    std::string reason;
};
/// in_place: it is told to reload itself as `revision`, or to become that again. Answer:
/// WorkerReloaded.
struct ReloadWorker {
    WorkerId worker = 0;
    RevisionNumber revision = 0;
    bool revert = false;
};
/// Begins the drain: nothing is signalled by this action itself. What was watched, a post-ready hook
/// and an in-place reload end without an answer. With a pre-stop hook the worker goes to `draining`
/// and the hook runs (answer: HookEnded).
struct RetireWorker {
    WorkerId worker = 0;
    Retirement why = Retirement::none;
    std::string reason;
    bool run_pre_stop = false;
};
/// End the pre-stop or post-stop hook that still runs; its HookEnded is no longer awaited.
struct CancelHook {
    WorkerId worker = 0;
    HookPoint point = HookPoint::pre_stop;
};
/// Again, because the supervisor that ran it at RetireWorker ended meanwhile, with a whole grace period.
struct RunPreStop { ///< answer: HookEnded
    WorkerId worker = 0;
};
/// Look how many connections it has: the stop signal waits for the last one, or SIGKILL is about to cut those
/// that are left. Answer: ConnectionsCounted, in any case; whoever waits for it has a deadline all the same.
struct CountConnections {
    WorkerId worker = 0;
};
/// What it wrote last belongs to the report of a failure, and it lives. Answer: OutputRead, in any case; whoever waits
/// for it has a deadline all the same.
struct ReadOutput {
    WorkerId worker = 0;
};
/// The stop signal. Answer: SignalSent, if it was.
struct SignalWorker {
    WorkerId worker = 0;
    std::int32_t signal = 0;
};
/// SIGKILL to the whole group. Answer: WorkerExited, or KillFailed. Of one that is preparing, the
/// hook's end instead: LaunchFailed.
struct KillWorker {
    WorkerId worker = 0;
    std::string reason;
};
struct RunPostStop { ///< answer: HookEnded
    WorkerId worker = 0;
};
/// The worker is gone and its last report was made: the Host drops what it holds for it.
struct ForgetWorker {
    WorkerId worker = 0;
};
struct BeginRollout { ///< the Host applies the revision's live listener options
    RevisionNumber revision = 0;
};
struct RollBack { ///< the Host puts the live listener options of `to_revision` back
    RevisionNumber to_revision = 0;
    std::string reason;
    std::vector<std::string> last_output;
};
/// The new revision failed while its rollout is paused: to be judged when it is resumed.
struct NoteFailure {
    std::string reason;
    std::vector<std::string> last_output;
};
/// on_failure is "pause".
struct PauseRollout {
    std::string reason;
    std::vector<std::string> last_output;
};
struct ReachStage {}; ///< the hold begins
/// Answer: RolloutHookEnded. The Host ends the hook that still runs when the rollout ends or rolls
/// back. (The `failed` hook changes nothing: the Host runs it at PauseRollout, RollBack and a failed
/// EndRollout by itself.)
struct RunRolloutHook {
    RevisionNumber revision = 0;
    RolloutHook hook = RolloutHook::analysis;
    std::uint32_t stage = 0;
};
struct PassStage {};
struct EndRollout {
    Outcome outcome;
};
/// The first revision failed, and there is one that completed under an earlier supervisor. Answer:
/// RolloutRequested of that one, or StopRequested if it cannot be used either.
struct FallBack {
    std::string reason; ///< why the first one failed
};
/// The warm old set is no longer kept: it drains like any old worker.
struct EndKeeping {
    std::string reason; ///< "its time is over"
};
/// Nothing refers to it any more: the Host closes the listeners that only it had.
struct DropRevision {
    RevisionNumber revision = 0;
};
/// Every worker is gone, or cannot be killed: the daemon ends with this exit status.
struct Finish {
    std::int32_t exit_status = 0;
};

using Action =
    std::variant<LaunchWorker, SpawnWorker, RecordWorker, ReleaseWorker, MarkReady, WatchWorker,
                 RunPostReady, MarkAvailable, RecycleWorker, ReloadWorker, RetireWorker, CancelHook,
                 RunPreStop, CountConnections, ReadOutput, SignalWorker, KillWorker, RunPostStop,
                 ForgetWorker, BeginRollout, RollBack, NoteFailure, PauseRollout, ReachStage,
                 RunRolloutHook, PassStage, EndRollout, FallBack, EndKeeping, DropRevision, Finish>;

} // namespace svc::rollout
