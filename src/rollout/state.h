// State: all that the supervisor knows, one value. parse(serialize(state)) == state holds after
// every step, so that a later supervisor can go on where this one ended.
//
// A worker's life, and who moves it (A: apply() of an action; O: record() of an observation):
//
//   preparing (pre-start hook) -O, A-> spawning, where it begins without such a hook
//   spawning -O-> spawned -A-> recording -O-> recorded -A-> executing -O-> starting .. available
//                    |             |             |              |              |
//                    +-------------+------+------+--------------+              | A: retire
//                                         | A: not yet the worker's program    v
//                                         |                                 draining (pre-stop hook, last connection)
//                                         v                                    | A
//                                      killing <-A end of grace-- stopping (stop signal sent)
//
//   starting -O notified or probed, A delay-> ready -A post-ready hook, min_ready-> available
//               (with in_place.verify: then verified)
//   any of them -O-> exited (the post-stop hook runs, if there is one) -O-> finished -A-> forgotten
//
// SIGKILL can be refused: the worker's program changed its user, and the supervisor is not allowed to
// signal that one (kill(2), EPERM). Such a worker stays in `killing` until somebody else ends it. It
// counts against max_total, as its process does exist; a rollout for which it leaves no room fails; a
// stop waits for it, and a stop *now* leaves it behind, saying so with the exit status.
//
// A supervisor that takes over from one that ended goes through recover.h first.
//
// What can never happen: a phase moves backwards; a worker gets GO before it was recorded; a worker
// that was once ready is signalled before its pre-stop hook ended or ran out of time; a worker that
// exited is signalled; two workers have one name.
#pragma once

#include "rollout/revision.h"

#include <optional>

namespace svc::rollout {

using WorkerId = std::uint64_t; ///< from 1, never used twice in the life of a State
using Pid = std::int32_t; ///< for display and waitid only; the mechanism signals through a pidfd

enum class WorkerPhase {
    preparing, ///< its pre-start hook runs
    spawning,  ///< svc-launch is being started and given its order
    spawned,   ///< its pid is known
    recording, ///< it is being written where it survives the supervisor
    recorded,
    executing, ///< it has GO; the exec is not confirmed yet
    starting,
    ready,
    available, ///< ready for min_ready
    draining,  ///< on its way out; its pre-stop hook runs, or its last connection is waited for
    stopping,  ///< the stop signal was sent
    killing,   ///< SIGKILL was sent to the group, or refused: kill_failure
    exited,    ///< its process is gone; the post-stop hook is due or runs
    finished,  ///< nothing is left to do for it but to forget it
};

/// Why a worker is on its way out by our will.
enum class Retirement { none, replaced, scaled_down, failed, taken_back, stopped };

/// How a process ended, as far as it can be known.
struct ExitStatus {
    enum class Kind { unknown, code, signal, launch };
    Kind kind = Kind::unknown;
    std::int32_t value = 0; ///< exit code, signal number, or errno of the failing launch step
    bool core_dumped = false;
    bool out_of_memory = false;
    /// launch: the sentence ("cannot execute /usr/bin/web: Permission denied"); unknown: why it is;
    /// out_of_memory: of which limit; else of a signal what may have to do with it.
    std::string detail;

    bool operator==(const ExitStatus&) const = default;
};
/// "exit status 1", "killed by SIGSEGV (core dumped)", "out of memory (killed by SIGKILL): …", the launch
/// sentence.
std::string describe(const ExitStatus& status);

enum class HookPoint { pre_start, post_ready, pre_stop, post_stop };

struct Rollout;

struct Worker {
    WorkerId id = 0;
    RevisionNumber revision = 0;
    std::uint32_t replica = 0;
    std::uint32_t attempt = 0; ///< 0 for the first launch of this revision at this replica
    std::string
        name; ///< "r7-2", "r7-2.1" for the first restart; of its notify socket and its log too
    WorkerPhase phase = WorkerPhase::spawning;
    Pid pid = 0;

    Instant since{}; ///< entered this phase
    Instant launched_at{};
    std::optional<Instant> executed_at;
    std::optional<Instant> ready_at;
    std::optional<Instant> available_at;
    Instant start_deadline{}; ///< ready by then, or it failed
    Retirement retirement = Retirement::none;
    std::string retirement_reason;
    std::optional<Instant> drain_began;
    Instant stop_deadline{}; ///< end of grace; while a post-stop hook runs: its end
    std::optional<HookPoint> running_hook;
    std::optional<Instant>
        idle_deadline; ///< the stop signal waits for its last connection until then
    std::optional<Instant> counting_since;    ///< its connections are being counted
    std::optional<Instant> counted_at;        ///< the last time; none: never while it drains
    std::optional<std::uint64_t> connections; ///< as of then; none: unknown

    bool started_up = false; ///< its startup probe passed, or there is none
    bool said_ready = false; ///< READY=1, which counts once it started up
    bool verifying = false; ///< ready as [ready] has it; it counts once InPlaceSpec::verify says so
    bool post_ready_done = false;     ///< the hook ended, or there is none
    std::optional<ProbeKind> watched; ///< what the mechanism looks for
    std::string probe_text;           ///< what the probe that does not pass yet last said
    std::string failing; ///< a probe or hook found it broken: it is to be drained; empty: it is not
    RevisionNumber becoming = 0; ///< it reloads itself, to be of this revision; 0: it does not
    std::uint64_t excess_memory =
        0; ///< bytes it used when that was more than max_memory; 0: it was not

    std::string stale; ///< why another one of its revision is to take its place; empty: it is not
    std::string status_text;         ///< STATUS=, printable
    std::int32_t notified_errno = 0; ///< ERRNO=
    bool reloading = false;          ///< between RELOADING=1 and READY=1
    bool announced_stop = false;     ///< STOPPING=1
    bool signal_sent = false;        ///< the stop signal; `stopping` alone says that it was to be
    std::string kill_failure;        ///< why SIGKILL was refused; empty: it was not
    std::optional<ExitStatus> exit;
    std::vector<std::string> last_output; ///< last lines of stderr, printable, bounded
    std::optional<Instant>
        output_due; ///< of one that failed and lives: they are waited for until then; none: never asked

    bool operator==(const Worker&) const = default;
};

/// "pre-stop", …
std::string_view describe(HookPoint point);
/// "startup probe", "readiness probe", "verification", "liveness check"
std::string_view describe(ProbeKind kind);
const std::optional<HookSpec>& hook_of(const Spec& spec, HookPoint point);

/// What a worker that was started, too, has to pass before it is ready: what it read may not be what its
/// revision had. None where it need not.
const std::optional<HookSpec>& verification_of(const Spec& spec);

/// The name of a worker to be launched. It keeps it, also when it comes to count as another
/// revision's (a warm old set that an undo takes back).
std::string name_of(RevisionNumber revision, std::uint32_t replica, std::uint32_t attempt);

/// Neither on its way out nor gone: counts against replicas + max_surge.
bool is_live(const Worker& worker);
/// Its process may still exist: counts against max_total.
bool has_process(const Worker& worker);
bool is_available(const Worker& worker);
/// Of `revision`, and nothing wants another one in its place.
bool is_fresh(const Worker& worker, RevisionNumber revision);
/// It was told to go so that this rollout's revision has its place.
bool was_replaced_by(const Worker& worker, const Rollout& rollout);
/// Worker::stale of one that could not reload itself: it is told again when its rollout goes on, and
/// reverted or replaced when that is taken back.
inline constexpr std::string_view reload_failed = "its in-place reload failed";
/// SIGKILL was refused, and the process still exists: nothing that we do ends it.
bool cannot_be_killed(const Worker& worker);
/// "cannot be killed: Operation not permitted; end process 4711 by hand"
std::string describe_kill_failure(const Worker& worker);
/// It runs, and something besides the time that passes is to tell that it is ready.
bool awaits_readiness(const Worker& worker, const ReadySpec& ready);
/// "was not ready within 60s; its probe says: Connection refused", "…; it was not verified: exit status 1"
std::string late_start_text(const Worker& worker, const ReadySpec& ready);
/// Of one that waited for its last connection: ": it has no connection left", " with 12 connections open", …
std::string stop_text(const Worker& worker);
/// Of one that is killed: "; 12 connections are cut"; empty: it has none.
std::string cut_text(const Worker& worker);
/// "12 connections"
std::string connections_text(std::uint64_t count);
/// Available for so long that the next failure begins a new row.
bool stayed_up(const Worker& worker, const RestartSpec& restart, Instant now);

/// One of the N places that a worker fills; outlives its workers.
struct Replica {
    std::uint32_t index = 0;
    std::uint32_t restarts = 0; ///< of workers that died by themselves, ever
    RevisionNumber failing_revision =
        0;                      ///< whose worker died here last: the next four are about it alone
    std::uint32_t failures = 0; ///< in a row: sets the backoff
    std::optional<Instant> next_start;                ///< not before
    bool held_down = false;                           ///< restart.policy says that it stays down
    std::string last_exit;                            ///< describe() of the last death
    std::map<RevisionNumber, std::uint32_t> launches; ///< so far; numbers the attempts

    bool operator==(const Replica&) const = default;
};

enum class RolloutPhase { progressing, rolling_back };

enum class RolloutHook { before, analysis, after };
/// Of a rollout's hook. due: also where there is none; passed: it succeeded, or its failure is ignored.
enum class HookProgress { due, running, passed };

/// "the hook before the rollout", "the analysis", …
std::string_view describe(RolloutHook hook);
const std::optional<HookSpec>& hook_of(const RolloutSpec& spec, RolloutHook hook);

/// The rollout under way. There is at most one.
///
///   progressing ─ all new available, no old one left undrained → Verdict::complete
///       │ a new worker failed, no progress within progress_deadline, an analysis failed, aborted
///       ▼
///   rolling_back ─ no new one left undrained → Verdict::rolled_back
///       │ the old revision cannot be brought back within progress_deadline
///       └→ Verdict::failed
///
/// From both: superseded by a newer request, aborted by a stop. A rollout with no completed
/// revision behind it (`from` is 0) cannot roll back: its failure is Verdict::failed and the
/// supervisor stops.
///
/// While it progresses it may be paused, by a person or because it failed and on_failure is "pause".
/// Paused, it moves nothing: no worker of the new revision starts, no other one drains for it, no
/// deadline of it passes and no verdict falls; a failure is noted and counts when it is resumed.
/// Crashed workers of the serving revision are started again.
///
/// With stages (canary, blue_green) it also goes, while it progresses, through
///
///   filling ─ as many new ones available as the stage has → holding ─ time, or promoted ─┐
///      ▲                                                                                 ▼
///      └── next stage; after the last one nothing holds it ── analysis passed ──── analysing
///
/// With a hook `before` nothing moves before it passed; with a hook `after` there is no verdict
/// "complete" before it passed.
///
/// in_place: instead of being replaced, the old workers are told one after the other to reload
/// themselves (Worker::becoming). One that has done so is of the new revision; so is one that failed
/// to, or died over it, because nobody knows what it runs. A rollback has each of them reverted, and
/// replaces those that cannot be.
///
/// What can never happen: more workers of the new revision than the stage has; blue_green: an old
/// worker drains before the last stage is passed; in_place: two workers reload themselves at a time.
struct Rollout {
    RevisionNumber from = 0; ///< last completed; 0 at the first boot
    RevisionNumber to = 0;
    RolloutPhase phase = RolloutPhase::progressing;
    Instant began{};
    Instant
        progressed{}; ///< more workers of the aim than ever became available, a replica got its first, or it began
    std::uint32_t most_available =
        0; ///< of the aim, so far: one that dies and comes back is no progress
    std::uint32_t previous_replicas = 0; ///< put back by a rollback, with the next
    std::uint32_t previous_file_replicas = 0;
    std::string reason;                   ///< why it rolls back
    std::vector<std::string> last_output; ///< of the worker that failed
    bool immediate = false;               ///< min_ready does not count (`reload --now`)
    std::optional<Instant> paused_at;
    std::string pause_reason;
    std::string failure;      ///< of the new revision, not acted on yet
    std::string abort_reason; ///< a person took it back
    std::uint32_t stage = 0;  ///< the one in force; as many as there are: all passed
    std::optional<Instant> stage_reached;
    bool promoted = false;                     ///< a person ended the hold of this stage
    HookProgress analysis = HookProgress::due; ///< of this stage
    HookProgress before = HookProgress::due;
    HookProgress after = HookProgress::due;
    std::optional<Instant> hook_began = {}; ///< of the hook that was last begun

    bool operator==(const Rollout&) const = default;
};

enum class Verdict { complete, rolled_back, failed, superseded, aborted };

/// "complete", "rolled back", …
std::string_view describe(Verdict verdict);

/// How a revision's rollout ended. The newest 64 are kept for callers that still wait.
struct Outcome {
    RevisionNumber revision = 0;
    Verdict verdict = Verdict::complete;
    std::string reason;
    RevisionNumber successor = 0; ///< of superseded: the revision whose verdict counts instead
    std::vector<std::string> last_output;
    Instant began{};
    Instant ended{};

    bool operator==(const Outcome&) const = default;
};

/// When the first rollout fails, a revision of an earlier supervisor may be tried instead.
///
///   none                     there is none
///   left -A EndRollout, failed before anything completed-> due -A FallBack-> asked -O answer-> none
enum class Fallback { none, left, due, asked };

/// ended: every worker is gone or cannot be killed, and Finish was performed; nothing happens any more.
enum class Wanted { run, stop, stop_now, ended };

struct State {
    std::string service;
    Wanted wanted = Wanted::run;
    std::string stop_reason;
    bool failed = false; ///< the supervisor stops because its first revision failed
    RevisionNumber next_revision = 1;
    WorkerId next_worker = 1;
    std::uint32_t replicas = 0; ///< the target now
    std::uint32_t file_replicas =
        0;                      ///< what the service file last said: `scale` lasts until it changes
    RevisionNumber current = 0; ///< last completed
    RevisionNumber previous =
        0; ///< completed before it: kept here for an undo, without its listeners
    Fallback fallback = Fallback::none;
    RevisionNumber kept = 0; ///< its workers run on, warm, until kept_until (blue_green); 0 none
    Instant kept_until{};
    std::optional<std::string>
        frozen; ///< why no rollout may begin; kept and shown here, enforced at admission
    RevisionNumber pending = 0;      ///< waits for the rollout to end; 0 none
    bool pending_supersedes = false; ///< it does not wait: the running rollout is superseded
    bool pending_immediate = false;
    std::optional<Rollout> rollout;
    std::map<RevisionNumber, Revision> revisions; ///< those that something still refers to
    std::vector<Replica> replica_list; ///< by index; longer than `replicas` after a scale-down
    std::map<WorkerId, Worker> workers;
    std::vector<Outcome> outcomes; ///< oldest first

    bool operator==(const State&) const = default;
};

/// The revision that new workers are started from: the rollout's aim, else `current`.
RevisionNumber target_revision(const State& state);
/// The budget in force: the target revision's settings at `replicas`, or, until a rollout has proved
/// itself, at the larger of `replicas` and what there was before it: a failed rollout costs no worker.
Budget budget_in_force(const State& state);
/// The rollout's strategy; without one: that of the current revision.
const RolloutSpec& rollout_spec_in_force(const State& state);
/// Nothing may move for the rollout: it is paused, or its hook `before` has not passed.
bool stands_still(const State& state);
/// The target revision can be had from this worker without another process.
bool can_become_target(const State& state, const Worker& worker);
/// A stage of the rollout has not been passed.
bool is_staged(const State& state);
/// When the rollout is complete, its old set runs on for keep_old.
bool keeps_old_set(const State& state);
/// How many workers of the target revision the strategy permits now (a pause not considered).
std::uint32_t fresh_limit(const State& state);
/// The rollout waits for a person or for the end of a hold: a newer request need not wait for it.
bool is_held(const State& state);
std::uint32_t available_workers(const State& state, RevisionNumber revision);
std::uint32_t available_workers(const State& state); ///< of any revision
/// Every one of `replicas` has an available worker of `revision`.
bool serves_all(const State& state, RevisionNumber revision);
const Outcome* find_outcome(const State& state, RevisionNumber revision);
/// The revisions whose listeners must stay open: current, target, pending, and of every worker with
/// a process.
std::vector<RevisionNumber> revisions_in_use(const State& state);

} // namespace svc::rollout
