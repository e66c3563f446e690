// Observation: what the mechanism saw, as a value. record() writes it into the State; nothing acts
// inside a handler.
#pragma once

#include "rollout/state.h"

namespace svc::rollout {

struct WorkerSpawned {
    WorkerId worker = 0;
    Pid pid = 0;
};
/// The worker is written where it survives the supervisor.
struct WorkerRecorded {
    WorkerId worker = 0;
};
/// The launcher's socket was closed by the exec.
struct WorkerExecuted {
    WorkerId worker = 0;
};
/// svc-launch (or its start) failed; its process, if there was one, is reaped.
struct LaunchFailed {
    WorkerId worker = 0;
    std::int32_t error = 0; ///< errno
    std::string step;       ///< "credentials", "exec", …
    std::string sentence;   ///< "cannot execute /usr/bin/web: Permission denied"
};
/// A notify datagram that notify_access permits, parsed by the mechanism.
struct WorkerNotified {
    WorkerId worker = 0;
    bool ready = false;
    bool reloading = false;
    bool stopping = false;
    std::optional<std::string> status;
    std::optional<std::int32_t> error;
    std::optional<Duration> extend_timeout;
};
struct MainPidChanged {
    WorkerId worker = 0;
    Pid pid = 0;
};
struct WorkerExited {
    WorkerId worker = 0;
    ExitStatus status;
    std::vector<std::string> last_output;
};
struct HookEnded {
    WorkerId worker = 0;
    HookPoint point = HookPoint::pre_stop;
    bool succeeded = false;
    std::string detail; ///< why it failed
    std::vector<std::string> last_output;
};
enum class ProbeVerdict {
    passed,  ///< success_threshold reached
    failing, ///< a try failed, for another reason than the one before
    failed,  ///< failure_threshold reached; of the watchdog: no WATCHDOG=1 in time
};
/// Of a fd or a watchdog, too. startup and ready end with `passed` or `failed`; live goes on.
struct ProbeReported {
    WorkerId worker = 0;
    ProbeKind kind = ProbeKind::ready;
    ProbeVerdict verdict = ProbeVerdict::failing;
    std::string detail; ///< why it failed
};
/// It uses more than recycle.max_memory.
struct MemoryExceeded {
    WorkerId worker = 0;
    std::uint64_t bytes = 0;
};
/// The answer to ReloadWorker, in any case.
struct WorkerReloaded {
    WorkerId worker = 0;
    bool succeeded = false;
    std::string detail; ///< why it failed
    std::vector<std::string> last_output;
};
/// The answer to CountConnections.
struct ConnectionsCounted {
    WorkerId worker = 0;
    std::optional<std::uint64_t> open; ///< accepted from our listeners; none: nobody can tell
};
/// The answer to ReadOutput.
struct OutputRead {
    WorkerId worker = 0;
    std::vector<std::string> last_output;
};
/// The kernel took the stop signal of SignalWorker.
struct SignalSent {
    WorkerId worker = 0;
};
/// The kernel refused the SIGKILL of KillWorker.
struct KillFailed {
    WorkerId worker = 0;
    std::string reason; ///< "Operation not permitted"
};
/// A checked, complete revision, its listeners open. It gets the number State::next_revision.
struct RolloutRequested {
    Revision revision;
    bool supersede = false;
    bool immediate = false; ///< without min_ready
};
struct PauseRequested {
    std::string reason;
};
struct ResumeRequested {};
/// Takes the running rollout back, and what waits behind it.
struct AbortRequested {
    std::string reason;
};
/// Ends the hold of the stage that is reached.
struct PromoteRequested {};
/// The worker at this replica gets a successor of its own revision.
struct ReplaceRequested {
    std::uint32_t replica = 0;
    std::string reason;
};
struct FreezeRequested {
    std::optional<std::string> reason; ///< none: unfreeze
};
struct RolloutHookEnded {
    RevisionNumber revision = 0;
    RolloutHook hook = RolloutHook::analysis;
    std::uint32_t stage = 0;
    bool succeeded = false;
    std::string detail; ///< why it failed
    std::vector<std::string> last_output;
};
struct ScaleRequested {
    std::uint32_t replicas = 0;
    bool from_file = false; ///< the service file's own `replicas` changed
};
struct StopRequested {
    bool now = false;
    std::string reason;
    bool failed = false; ///< nothing could be started: the exit status says so
};

using Observation =
    std::variant<WorkerSpawned, WorkerRecorded, WorkerExecuted, LaunchFailed, WorkerNotified,
                 MainPidChanged, WorkerExited, HookEnded, ProbeReported, MemoryExceeded,
                 WorkerReloaded, ConnectionsCounted, OutputRead, SignalSent, KillFailed,
                 RolloutRequested, PauseRequested, ResumeRequested, AbortRequested,
                 PromoteRequested, ReplaceRequested, FreezeRequested, RolloutHookEnded,
                 ScaleRequested, StopRequested>;

} // namespace svc::rollout
