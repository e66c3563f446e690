#include "wire/control.h"

// The grammar has no name for the struct that a method returns: it is written out at each of them.
#define PROGRESS                                                                                   \
    "(\n"                                                                                          \
    "  state: string,\n"                                                                           \
    "  from: int,\n"                                                                               \
    "  step: string,\n"                                                                            \
    "  waits_for: string,\n"                                                                       \
    "  left_us: int,\n"                                                                            \
    "  length_us: int,\n"                                                                          \
    "  revision: int,\n"                                                                           \
    "  text: string,\n"                                                                            \
    "  worker: string,\n"                                                                          \
    "  updated: int,\n"                                                                            \
    "  available: int,\n"                                                                          \
    "  replicas: int,\n"                                                                           \
    "  workers: string,\n"                                                                         \
    "  worker_list: []WorkerProgress,\n"                                                           \
    "  verdict: string,\n"                                                                         \
    "  reason: string,\n"                                                                          \
    "  last_output: []string,\n"                                                                   \
    "  changed: []string\n"                                                                        \
    ")\n"

namespace svc::wire {

const std::string_view control_interface =
    R"(# One service's supervisor: look at it, replace its workers, stop it.
#
# Whatever changes something answers, with "more", whenever something happened; the last reply
# (without "continues") has a verdict. Without "more" there is only the last reply.
# updated, available: workers of `revision`, of any revision
# worker_list: the workers that changed since the reply before; in the first ones: all
# waits_for, left_us, length_us: as WorkerProgress, of the rollout itself (a hold, a hook)
interface io.svc.Supervisor

# state: launching, starting, ready, available, draining, stopping, killing, exited
# waits_for: a sentence for a person; empty: nothing
# connections: accepted from the service's listeners and open now; none: nobody can tell
# memory: bytes, and tasks: processes and threads, as its cgroup counts them; none: nobody does. Asked for usage,
# where it has no cgroup: memory is what its processes have for themselves
# cpu_us (asked for usage): CPU time of its processes since it began; none: nobody can tell
type WorkerStatus (
  name: string,
  revision: int,
  replica: int,
  state: string,
  pid: int,
  age_us: int,
  waits_for: string,
  status_text: string,
  memory: ?int,
  tasks: ?int,
  connections: ?int,
  cpu_us: ?int
)

# state: as WorkerStatus, or gone
# since_us: in this state; left_us: until what it waits for is over, or too late; 0: no time is set
# length_us: how long that is in all; 0: nobody knows
type WorkerProgress (
  name: string,
  revision: int,
  replica: int,
  state: string,
  since_us: int,
  waits_for: string,
  left_us: int,
  length_us: int,
  note: string,
  failed: bool
)

# failures: the restarts in a row; 0 once a worker stayed up for restart.backoff.max
type ReplicaStatus (
  index: int,
  restarts: int,
  failures: int,
  waits_for: string
)

# problem: what a worker damaged and nobody can repair but a restart; empty: sound
# queue: connections that wait to be accepted; drops: those that it had no room for; none: nobody can tell
type ListenerStatus (
  name: string,
  address: string,
  sockets: int,
  backlog: int,
  problem: string,
  queue: ?int,
  drops: ?int
)

# phase: progressing, paused, rolling back, complete, rolled back, failed, superseded, aborted
# step, paused: sentences for a person; empty: it has no steps, is not paused
# failure: noted while it is paused, and judged when it goes on
# ended_ago_us: missing: it has not ended
type RolloutStatus (
  phase: string,
  from: int,
  to: int,
  updated: int,
  reason: string,
  last_output: []string,
  step: string,
  paused: string,
  failure: string,
  ended_ago_us: ?int
)

# device, inode, size: of stat(2); modified_ns, changed_ns: since 1970. All 0: there was no such file
type FileIdentity (
  path: string,
  device: int,
  inode: int,
  size: int,
  modified_ns: int,
  changed_ns: int
)

# result: complete, rolled back, failed, superseded, aborted, in progress, unknown
# unreadable: why nothing but the number is known; empty: it is
type RevisionSummary (
  revision: int,
  cause: string,
  uid: int,
  made_at_us: int,
  began_us: int,
  ended_us: int,
  result: string,
  reason: string,
  made_from: int,
  serving: bool,
  unreadable: string
)

# Microseconds since the rollout began, negative before it; none: it did not come, or not yet
# failed: it ended by itself
type WorkerTrack (
  name: string,
  revision: int,
  replica: int,
  launched_us: int,
  ready_us: ?int,
  available_us: ?int,
  drain_us: ?int,
  stop_us: ?int,
  ended_us: ?int,
  ended: string,
  failed: bool
)

type TimelineMark (at_us: int, text: string)

type EventKind (rollout_requested, rollout_pending, rollout_started, rollout_rolling_back,
  rollout_paused, rollout_resumed, rollout_stage, rollout_ended, keeping_ended, frozen, scaled,
  worker_launched, worker_ready, worker_available, worker_status, worker_retired, worker_stopping,
  worker_killed, kill_failed, worker_exited, worker_restarting, hook_failed, worker_recycled,
  probe_failed, worker_reloaded, stopping, listener, listener_damaged, warning, refused,
  supervisor, history)

type Verdict (complete, rolled_back, failed, superseded, aborted)

# rollout: the one under way, else the last that ended; empty before the first
# available: without the workers of an old set that is kept warm (kept)
# kept, frozen: sentences for a person; empty: none is kept, rollouts are not refused
# generation: how many supervisors there were in a row that took over from each other; 1: the first
# upgrade_problem: why the program that was to go on in the last upgrade could not; empty: it did, or there was none
# cgroup: below which each worker has one of its own; empty: they have none
# limits_problem: which keys of [limits] are not enforced, and why; empty: all are
# metrics: the addresses at which they are told over HTTP
# connections, usage (asked for): each worker's connections, its CPU time and memory are looked for, which takes some
# milliseconds; else none are told
# supervisor_cpu_us, supervisor_memory: its own
method Status(connections: ?bool, usage: ?bool) -> (
  service: string,
  summary: string,
  revision: int,
  cause: string,
  revision_made_at_us: int,
  replicas: int,
  available: int,
  pending: int,
  kept: string,
  frozen: string,
  stopping: bool,
  supervisor_pid: int,
  generation: int,
  version: string,
  upgrade_problem: string,
  service_file: string,
  rollout: []RolloutStatus,
  workers: []WorkerStatus,
  replica_list: []ReplicaStatus,
  listeners: []ListenerStatus,
  guarantee: string,
  cgroup: string,
  limits_problem: string,
  metrics: []string,
  supervisor_cpu_us: ?int,
  supervisor_memory: ?int
)

# The revisions that are kept on disk, oldest first.
method History() -> (revisions: []RevisionSummary)

# One of them whole; 0 or left out: the serving one. Values of environment files are not shown.
method Revision(revision: ?int) -> (
  summary: RevisionSummary,
  last_output: []string,
  command: []string,
  release: string,
  executable: FileIdentity,
  build_id: string,
  sha256: string,
  program: FileIdentity,
  copy: bool,
  user: string,
  environment_names: []string,
  guarantee: string,
  service_file: string
)

# before, after: as the service file would have them, or in words; keys of the service file have them only
# for who may change the service. Of environment files there are names of variables, never values.
type Difference (
  what: string,
  before: string,
  after: string
)

# What differs between two of them; `to` left out: the serving one. Both left out: between the serving one and
# the service file as it is now (`to` is 0 in the reply), for who may change the service.
method Diff(from: ?int, to: ?int) -> (from: int, to: int, differences: []Difference)

# How a rollout went; 0 or left out: the one under way, else the last one.
# until_us: what came later is not known; open: it goes on; cut: workers that there was no room for
method Timeline(revision: ?int) -> (
  revision: int,
  from: int,
  began_us: int,
  strategy: string,
  result: string,
  reason: string,
  length_us: int,
  until_us: int,
  open: bool,
  workers: []WorkerTrack,
  marks: []TimelineMark,
  cut: int
)

# name: as it stands in the text, "svc_rollout_duration_seconds_bucket"
type MetricSample (
  name: string,
  labels: [string]string,
  value: float
)

# name: without the suffix of a counter's samples. type: counter, gauge, histogram, info
# unit: seconds, bytes; empty: none
type MetricFamily (
  name: string,
  type: string,
  unit: string,
  help: string,
  samples: []MetricSample
)

# What can be measured, as of now. It counts connections, as Status does if it is asked to.
method Metrics() -> (families: []MetricFamily)

# A new revision from the service file as it is now; every worker is replaced.
# supersede: do not wait for a rollout that is under way, end it
# immediate: a worker that is ready is available, min_ready does not count
# wait: false for a reply as soon as the revision is accepted; default true
# wait_drained: false for the last reply before the old workers are gone; default true
# token: a name for this request that nobody else gives one; sent again under it (to the next supervisor, say)
# it is the same request and makes no second revision
method Reload(cause: ?string, supersede: ?bool, immediate: ?bool, wait: ?bool, wait_drained: ?bool,
              token: ?string) -> )" PROGRESS R"(

# As Reload, if anything changed that a worker is started from; else the verdict is "unchanged".
method Apply(cause: ?string, supersede: ?bool, immediate: ?bool, wait: ?bool, wait_drained: ?bool,
             token: ?string) -> )" PROGRESS R"(

# The rollout under way moves nothing until it is resumed, aborted or superseded.
method Pause(reason: ?string) -> )" PROGRESS R"(

# It goes on; wait, wait_drained: as for Reload.
method Resume(wait: ?bool, wait_drained: ?bool) -> )" PROGRESS R"(

# It is taken back, and what waits behind it is called off.
method Abort(reason: ?string, wait: ?bool) -> )" PROGRESS R"(

# The step at which it is held is over; wait, wait_drained: as for Reload.
method Promote(wait: ?bool, wait_drained: ?bool) -> )" PROGRESS R"(

# The worker at this replica gets a successor of its own revision.
method Replace(replica: ?int, wait: ?bool) -> )" PROGRESS R"(

# Rollouts are refused, with this reason, until Unfreeze.
method Freeze(reason: ?string) -> )" PROGRESS R"(

method Unfreeze() -> )" PROGRESS R"(

# As Reload, but from an older revision; 0 or left out: the last that completed before the serving
# one; while a rollout progresses, the one that it started from: then, also if `to` names that one, the
# rollout is taken back as by Abort.
# force: also if files of its inputs are not what they were
method Undo(to: ?int, cause: ?string, supersede: ?bool, immediate: ?bool, wait: ?bool,
            wait_drained: ?bool, force: ?bool, token: ?string) -> )" PROGRESS R"(

# Another number of replicas, until the service file's own number changes.
method Scale(replicas: ?int, wait: ?bool) -> )" PROGRESS R"(

# Drain all workers (now: kill them) and end.
method Stop(now: ?bool, wait: ?bool) -> )" PROGRESS R"(

# The replies of a request that was accepted before, for a caller whose connection ended, perhaps with the
# supervisor that it led to. One of these says what is waited for; the last reply comes at once if that is over:
# revision: the verdict on its rollout; wait_drained: as for Reload
# token: of the request that made it, alone or beside it; where this is known, it says what is waited for
# taken_back: of one that was aborted: that it is taken back is what was asked for
# replicas, replica: as Scale and Replace wait; stop: the end of the supervisor
method Follow(revision: ?int, token: ?string, wait_drained: ?bool, taken_back: ?bool, replicas: ?int,
              replica: ?int, stop: ?bool) -> )" PROGRESS R"(

# The program at the supervisor's path goes on in its place, with the same pid; workers are not touched. The reply
# comes before that happens, and this connection ends. It has worked once Status has a larger generation and no
# upgrade_problem.
method Upgrade() -> (generation: int)

# The events kept after the sequence number `since` (at most the `newest` of them), one a reply, and then
# (follow) those to come. If none has a number as large, all of them: they were counted anew.
# Needs "more". The stream's last reply has no event in it.
# at: microseconds since 1970
method Events(since: ?int, newest: ?int, follow: ?bool) -> (
  sequence: ?int,
  at: ?int,
  kind: ?EventKind,
  revision: ?int,
  worker: ?int,
  worker_name: ?string,
  verdict: ?Verdict,
  text: ?string
)

# The caller may look, but not change anything.
error NotPermitted (message: string, mistakes: []string)

# mistakes: file:line:column: key: what is wrong and what would be right
error ServiceFileWrong (message: string, mistakes: []string)

# The request changed nothing; the message says why.
error Refused (message: string, mistakes: []string)

# The supervisor stops and takes no more requests.
error Stopping (message: string, mistakes: []string)

# Too many clients or calls at once.
error Busy (message: string, mistakes: []string)
)";

} // namespace svc::wire
