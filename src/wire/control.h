// The control protocol's messages: io.svc.Supervisor (control_interface is its description).
//
// Whatever changes something answers with Progress. With `more` there is one reply whenever
// something happened, and a last one (without `continues`) that has a verdict; without `more` only
// the last. Status answers with ServiceStatus. Events needs `more`: one event a reply, and at the end of the
// stream a reply without parameters.
#pragma once

#include "rollout/event.h"
#include "rollout/state.h"
#include "wire/metrics.h"
#include "wire/timeline.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace svc::wire {

/// The text of io.svc.Supervisor, for org.varlink.service.GetInterfaceDescription.
extern const std::string_view control_interface;
inline constexpr std::string_view control_interface_name = "io.svc.Supervisor";

// Parameters of the calls ------------------------------------------------------------------------

struct ReloadCall { ///< Reload and Apply
    std::string cause;
    bool supersede = false;
    bool immediate = false;   ///< min_ready does not count
    bool wait = true;         ///< false: the reply comes once the revision is accepted
    bool wait_drained = true; ///< true: the last reply comes when the old workers are gone
    std::string token;        ///< names this request: one that comes again under it is the same one
};
struct StatusCall {
    bool connections =
        false; ///< count each worker's, which takes a child of the supervisor's and some ms
    bool usage = false; ///< each worker's CPU time and memory, by the same child
};
struct ScaleCall {
    std::uint32_t replicas = 0;
    bool wait = true;
};
struct UndoCall {         ///< the others: as ReloadCall
    std::uint64_t to = 0; ///< 0: the last that completed before the serving one
    std::string cause;
    bool supersede = false;
    bool immediate = false;
    bool wait = true;
    bool wait_drained = true;
    bool force = false; ///< its inputs need not be what they were
    std::string token;
};
/// One of revision, replicas, replica and stop, or a token: the last replies of a request that was accepted before,
/// perhaps by an earlier supervisor.
struct FollowCall {
    std::optional<std::uint64_t> revision; ///< the verdict on its rollout
    std::string
        token; ///< of the request that made it; where this is known, it says what is waited for
    bool wait_drained = true;
    bool taken_back = false; ///< of a rollout that was aborted: that is what was asked for
    std::optional<std::uint32_t> replicas; ///< as Scale waits
    std::optional<std::uint32_t> replica;  ///< as Replace waits
    bool stop = false;                     ///< as Stop waits
};
struct RevisionCall {
    std::uint64_t revision = 0; ///< 0: the serving one
};
struct DiffCall {
    std::uint64_t from = 0; ///< 0: the serving one, and `to` is the service file as it is now
    std::uint64_t to = 0;   ///< 0: the serving one
};
struct StopCall {
    bool now = false;
    bool wait = true;
};
struct PauseCall {
    std::string reason;
};
struct ContinueCall { ///< Resume and Promote
    bool wait = true;
    bool wait_drained = true;
};
struct AbortCall {
    std::string reason;
    bool wait = true;
};
struct ReplaceCall {
    std::uint32_t replica = 0;
    bool wait = true;
};
struct FreezeCall {
    std::string reason;
};
struct TimelineCall {
    std::uint64_t revision = 0; ///< 0: the rollout under way, else the last one
};
struct EventsCall {
    std::uint64_t since = 0; ///< sequence number; the newest ones kept are replayed after it
    std::optional<std::uint32_t> newest; ///< of those at most so many
    bool follow = false;                 ///< needs `more`
};

// Replies ----------------------------------------------------------------------------------------

struct WorkerStatus {
    std::string name;
    std::uint64_t revision = 0;
    std::uint32_t replica = 0;
    std::string state; ///< "launching", "starting", "ready", "available", "draining", "stopping",
                       ///< "killing", "exited"
    std::int32_t pid = 0;
    std::int64_t age_us = 0;
    std::string waits_for; ///< "pre-stop hook 2s, 28s of grace left"; empty: nothing
    std::string status_text;
    std::optional<std::uint64_t>
        memory;                         ///< bytes that its cgroup counts, or (asked for usage) that
                                        ///< its processes have; none: nobody counts them
    std::optional<std::uint64_t> tasks; ///< processes and threads, the same
    std::optional<std::uint64_t> connections; ///< accepted, and open now; none: nobody can tell
    std::optional<std::uint64_t> cpu_us; ///< used since it began; none: nobody can tell, or asked
    bool operator==(const WorkerStatus&) const = default;
};
struct ReplicaStatus {
    std::uint32_t index = 0;
    std::uint32_t restarts = 0; ///< of workers that died by themselves, ever
    std::uint32_t failures = 0; ///< of them in a row: the next waits longer; 0 once one stayed up
    std::string waits_for;      ///< "restart in 12s (exit status 1)"; "held down: …"
    bool operator==(const ReplicaStatus&) const = default;
};
struct ListenerStatus {
    std::string name;
    std::string address; ///< as bound: a port of 0 shows the port it got
    std::uint32_t sockets = 0;
    std::uint32_t backlog = 0;
    std::string problem; ///< damage that could not be repaired; empty: sound
    std::optional<std::uint64_t>
        queue; ///< connections that wait for accept(2); none: nobody can tell
    std::optional<std::uint64_t> drops; ///< that it had no room for, since it was opened
    bool operator==(const ListenerStatus&) const = default;
};
struct RolloutStatus {
    std::string phase; ///< "progressing", "paused", "rolling back", "complete", "rolled back",
                       ///< "failed", "superseded", "aborted"
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint32_t updated = 0; ///< available workers of `to`
    std::string reason;
    std::vector<std::string> last_output;
    std::string step; ///< "canary: step 1 of 3, 2 of 10 workers new, goes on in 4m10s"; empty: none
    std::string paused;  ///< "for 5m, asked for by uid 0: lunch"; empty: it is not
    std::string failure; ///< noted while it is paused, not acted on
    std::optional<std::int64_t> ended_ago_us; ///< none: it has not, or nobody knows
    bool operator==(const RolloutStatus&) const = default;
};
struct ServiceStatus {
    std::string service;
    std::string summary; ///< "revision 7, 4/4 available", "rolling 6 → 7: 2/4 updated"
    std::uint64_t revision = 0;
    std::string cause;
    std::int64_t revision_made_at_us = 0; ///< since the epoch
    std::uint32_t replicas = 0;
    std::uint32_t available = 0; ///< without those of a kept old set
    std::uint64_t pending = 0;
    std::string kept;   ///< "revision 6, 4 workers, for 9m50s more"; empty: no old set is kept
    std::string frozen; ///< by whom and why; empty: rollouts are not refused
    bool stopping = false;
    std::int32_t supervisor_pid = 0;
    std::uint64_t generation =
        0;               ///< of supervisors that took over one from the other, the first is 1
    std::string version; ///< of the supervisor
    std::string
        upgrade_problem; ///< why the last upgrade did not last; empty: it did, or there was none
    std::string service_file;
    std::vector<RolloutStatus>
        rollout; ///< the running one, else the last one ended; empty before the first
    std::vector<WorkerStatus> workers; ///< by replica, then oldest first
    std::vector<ReplicaStatus> replica_list;
    std::vector<ListenerStatus> listeners; ///< filled in by the daemon
    std::string guarantee; ///< what a crash starts again: "single executable: …" (guarantee.h)
    std::string cgroup;    ///< below which each worker has its own; empty: they have none
    std::string limits_problem; ///< which of [limits] are not enforced, and why; empty: all are
    std::vector<std::string> metrics;               ///< where they are told over HTTP, as bound
    std::optional<std::uint64_t> supervisor_cpu_us; ///< its own
    std::optional<std::uint64_t> supervisor_memory; ///< bytes
    bool operator==(const ServiceStatus&) const = default;
};
/// All but what the daemon knows: listeners, and what is the supervisor's own.
ServiceStatus status_of(const rollout::State& state, Instant now);
/// ServiceStatus::summary alone: told to the service manager after every step, so without the rest.
std::string summary_of(const rollout::State& state);
/// What the stage of a rollout is and waits for, as RolloutStatus::step; empty: it has none.
std::string describe_stage(const rollout::State& state, Instant now);
/// "analysis runs": the hook that the rollout waits for; empty: there is none.
std::string hook_under_way(const rollout::State& state);
/// Available workers without those of a kept old set.
std::uint32_t count_serving(const rollout::State& state);
/// The workers by state, for Progress::workers: "2 available, 1 starting, 1 draining".
std::string count_workers(const rollout::State& state);

/// The event as a sentence that stands alone: "r7-0 is ready", "r6-1: exit status 0".
std::string sentence_of(const rollout::Event& event);

struct UpgradeReply {
    std::uint64_t generation = 0; ///< of the supervisor that answers; the next one's is larger
    bool operator==(const UpgradeReply&) const = default;
};

/// One revision of the history.
struct RevisionSummary {
    std::uint64_t revision = 0;
    std::string cause; ///< "reload: CVE fix", "undo to 6"
    std::uint32_t uid = 0;
    std::int64_t made_at_us = 0;
    std::int64_t began_us = 0; ///< its rollout; 0: not known
    std::int64_t ended_us = 0;
    std::string result; ///< "complete", "rolled back", …; "in progress"; "unknown": never written
    std::string reason;
    std::uint64_t made_from = 0;
    bool serving = false;
    std::string unreadable; ///< why nothing else is known; empty: it is
    bool operator==(const RevisionSummary&) const = default;
};
struct HistoryReply {
    std::vector<RevisionSummary> revisions; ///< oldest first
    bool operator==(const HistoryReply&) const = default;
};
/// One revision whole, but for the values of its environment files, which may be secret.
struct RevisionReply {
    RevisionSummary summary;
    std::vector<std::string> last_output;
    std::vector<std::string> command;
    std::string release;
    rollout::FileIdentity executable;
    std::string build_id;
    std::string sha256;
    rollout::FileIdentity program; ///< that an interpreter runs; without a path: there is none
    bool copy = false;             ///< the executable is kept with the revision
    std::string user;
    std::vector<std::string> environment_names; ///< of what its environment files set
    std::string guarantee;
    std::string service_file; ///< its text
    bool operator==(const RevisionReply&) const = default;
};
/// `before` and `after` as the service file would have them, or in words. Both empty for who may only look,
/// where they come out of the service file.
struct Difference {
    std::string what; ///< "service file: rollout.max_surge", "executable /usr/bin/web"
    std::string before;
    std::string after;
    bool operator==(const Difference&) const = default;
};
struct DiffReply {
    std::uint64_t from = 0;
    std::uint64_t to = 0; ///< 0: the service file as it is now
    std::vector<Difference> differences;
    bool operator==(const DiffReply&) const = default;
};

/// What a worker does, for who watches a rollout. Time goes by without a message: whoever draws it counts on
/// from the two durations.
struct WorkerProgress {
    std::string name;
    std::uint64_t revision = 0;
    std::uint32_t replica = 0;
    std::string state;         ///< as WorkerStatus::state; "gone"
    std::int64_t since_us = 0; ///< how long it has been in it
    std::string waits_for;     ///< "readiness", "stop signal sent"; empty: nothing
    std::int64_t left_us =
        0; ///< until that has gone on for too long, or is over; 0: no time is set
    std::int64_t length_us = 0; ///< from its beginning until then; 0: nobody knows
    std::string note;           ///< what it said of itself; how it ended
    bool failed = false;        ///< gone: by itself
    bool operator==(const WorkerProgress&) const = default;
};
/// Of a worker that is in the state, without a post-mortem.
WorkerProgress progress_of(const rollout::State& state, const rollout::Worker& worker, Instant now);
/// What the rollout under way is: "rolling", "canary, step 1 of 3", "rolling back"; empty: there is none.
std::string name_of_stage(const rollout::State& state);
/// "rolling", "blue-green".
std::string name_of(rollout::Strategy strategy);

/// One progress reply (`continues`) or the last one of a method that changes something.
struct Progress {
    std::string state; ///< "accepted", "pending", "progressing", "held", "paused", "rolling back",
                       ///< "draining", "done"
    std::uint64_t from = 0;   ///< of the rollout under way; 0: there is none, or nothing before it
    std::string step;         ///< name_of_stage()
    std::string waits_for;    ///< what the rollout stands still for: "its hold"; empty: nothing
    std::int64_t left_us = 0; ///< of that, as of a worker
    std::int64_t length_us = 0; ///< likewise
    std::uint64_t revision = 0;
    std::string
        text; ///< a sentence for a person: "r7-0 is ready", "revision 7 is complete"; empty:
              ///< only worker_list is new
    std::string worker;          ///< name, if it is about one
    std::uint32_t updated = 0;   ///< available workers of `revision`
    std::uint32_t available = 0; ///< of any revision
    std::uint32_t replicas = 0;
    std::string workers;                     ///< "2 available, 1 starting, 1 draining"
    std::vector<WorkerProgress> worker_list; ///< those that changed since the reply before
    std::string verdict; ///< last reply: "complete", "rolled back", "failed", "aborted", "paused"
        ///< (it failed, and on_failure is "pause"), "taken back" (as Abort or Undo asked),
    ///< "replaced", "unchanged", "scaled", "stopped"; "accepted" if nothing was
    ///< to be waited for
    std::string reason;
    std::vector<std::string> last_output;
    std::vector<std::string> changed; ///< apply: what differed
    bool operator==(const Progress&) const = default;
};

/// What the rollout itself waits for, into Progress::waits_for and what follows it.
void put_wait_of_stage(const rollout::State& state, Instant now, Progress& progress);

/// The parameters of every error.
struct Refusal {
    std::string message; ///< what happened and what to do
    std::vector<std::string>
        mistakes; ///< of the service file: "web.toml:12:3: rollout.replicas: …"
    bool operator==(const Refusal&) const = default;
};
namespace control_error {
inline constexpr std::string_view not_permitted =
    "io.svc.Supervisor.NotPermitted"; ///< exit status 4
inline constexpr std::string_view service_file =
    "io.svc.Supervisor.ServiceFileWrong";                                  ///< exit status 5
inline constexpr std::string_view refused = "io.svc.Supervisor.Refused";   ///< exit status 1
inline constexpr std::string_view stopping = "io.svc.Supervisor.Stopping"; ///< exit status 1
inline constexpr std::string_view busy =
    "io.svc.Supervisor.Busy"; ///< too many clients or calls; exit status 1
} // namespace control_error

// Structs to and from `parameters`. Of a call every member may be left out; an unknown one or a wrong
// type is refused by name: a caller must not believe that something was done. Of a reply what is
// unknown is passed over: a supervisor and the `svc` of another release understand each other.
boost::json::object to_json(const ReloadCall& call);
boost::json::object to_json(const ScaleCall& call);
boost::json::object to_json(const FollowCall& call);
boost::json::object to_json(const StopCall& call);
boost::json::object to_json(const PauseCall& call);
boost::json::object to_json(const ContinueCall& call);
boost::json::object to_json(const AbortCall& call);
boost::json::object to_json(const ReplaceCall& call);
boost::json::object to_json(const FreezeCall& call);
boost::json::object to_json(const EventsCall& call);
boost::json::object to_json(const TimelineCall& call);
boost::json::object to_json(const UndoCall& call);
boost::json::object to_json(const RevisionCall& call);
boost::json::object to_json(const DiffCall& call);
boost::json::object to_json(const ServiceStatus& status);
boost::json::object to_json(const UpgradeReply& reply);
boost::json::object to_json(const HistoryReply& reply);
boost::json::object to_json(const RevisionReply& reply);
boost::json::object to_json(const DiffReply& reply);
boost::json::object to_json(const Timeline& timeline);
boost::json::object to_json(const Progress& progress);
boost::json::object to_json(const rollout::Event& event);
boost::json::object to_json(const Refusal& refusal);
boost::json::object to_json(const MetricsReply& reply);
template <class T>
Result<T> from_json(const boost::json::object& parameters); // for each of the types above

} // namespace svc::wire
