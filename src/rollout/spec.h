// Spec: what a service file says, as a value. wire/service_file.h makes one; nothing changes one.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "base/time.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace svc::rollout {

/// Who has a listener's socket. service: every worker has the same one. revision: the workers of one
/// revision have one, and what comes to the address goes to the newest of them (`preview`). worker:
/// each worker has its own, so that who answers there is known (`private`).
enum class ListenerScope { service, revision, worker };

/// One [[listener]]. A listener is a *set* of sockets in the daemon (lanes of a SO_REUSEPORT group
/// later), so nothing here says "the fd".
struct ListenerSpec {
    std::string name; ///< LISTEN_FDNAMES; unique in the service
    Address address;
    ListenerOptions options;
    ListenerScope scope = ListenerScope::service;

    bool operator==(const ListenerSpec&) const = default;
};

/// A limit of setrlimit(2); UINT64_MAX is infinity.
struct ResourceLimit {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;

    bool operator==(const ResourceLimit&) const = default;
};

enum class Session { process_group, session }; ///< setpgid(2) or setsid(2): who leads what
/// How a worker is told of its sockets (host/listeners/socket_protocols.h).
enum class SocketProtocol {
    listen_fds,
    server_starter,
    nginx,
    php_fpm,
    unicorn,
    puma,
    einhorn,
};
enum class ListenPid { set, omit };          ///< omit: for wrappers that fork (svc-worker(7))
enum class ErrorOutput { capture, inherit }; ///< capture: stderr passes through us, last lines kept
/// open: an ELF file is held open, for as long as this supervisor lives. copy: a copy is kept with the
/// revision as well, and outlives it.
enum class KeepExecutable { open, copy };

struct ExecHook {
    std::vector<std::string> command;
    bool operator==(const ExecHook&) const = default;
};
struct SleepHook {
    Duration length{};
    bool operator==(const SleepHook&) const = default;
};
struct SignalHook {
    int signal = 0;
    bool operator==(const SignalHook&) const = default;
};
/// A request to a literal address or a unix socket; 2xx and 3xx are success.
struct HttpHook {
    std::string method = "GET";
    Address address;
    std::string host_header;
    std::string target = "/";
    bool operator==(const HttpHook&) const = default;
};
using Hook = std::variant<ExecHook, SleepHook, SignalHook, HttpHook>;

enum class HookFailure { ignore, fail };

/// A hook where a service file has one. What `fail` makes fail is said where the hook is.
struct HookSpec {
    Hook what;
    std::optional<Duration> timeout; ///< none: bounded by what it is part of (pre_stop: the grace)
    HookFailure on_failure = HookFailure::ignore;

    bool operator==(const HookSpec&) const = default;
};

/// A GET over a worker's own place. With `listener`, the url is only a path, and the place is the
/// worker's own socket of that listener (scope worker). Else "http://HOST:PORT/PATH" or
/// "unix:/PATH:/PATH", with {replica}, {worker} and {pid} still to be replaced.
struct HttpProbe {
    std::string url;
    std::string listener;
    bool operator==(const HttpProbe&) const = default;
};
/// A connect; the address as in HttpProbe.
struct TcpProbe {
    std::string address;
    bool operator==(const TcpProbe&) const = default;
};
using Probing = std::variant<ExecHook, HttpProbe, TcpProbe>;

/// A question that is put to one worker again and again.
struct ProbeSpec {
    Probing what;
    Duration initial_delay{}; ///< before the first try
    Duration interval = std::chrono::seconds(1);
    Duration timeout = std::chrono::seconds(1);
    std::uint32_t success_threshold = 1; ///< so many in a row: it passes
    std::uint32_t failure_threshold = 3; ///< so many in a row: it fails; 0: never

    bool operator==(const ProbeSpec&) const = default;
};
/// verify: the last one before a worker is ready: InPlaceSpec::verify, until it succeeds.
enum class ProbeKind { startup, ready, verify, live };

/// [service]: what a worker is made from.
struct ProcessSpec {
    std::vector<std::string>
        command; ///< "${release}" is replaced by the resolved release directory
    std::string release;
    std::vector<std::string> inputs;
    std::vector<std::string> check;
    Duration check_timeout = std::chrono::seconds(60);
    std::string directory;
    std::string user;  ///< empty: the supervisor's own
    std::string group; ///< empty: the user's
    std::vector<std::string> supplementary_groups;
    std::map<std::string, std::string> environment;
    std::vector<std::string> environment_files; ///< "-/path" may be missing
    std::optional<std::uint32_t> umask;
    std::map<std::string, ResourceLimit> limits; ///< "nofile", "core", … as in prlimit(1)
    std::optional<int> nice;
    std::optional<int> oom_score_adj;
    bool no_new_privileges = false;
    Session session = Session::process_group;
    std::vector<SocketProtocol> protocols{SocketProtocol::listen_fds}; ///< none: by {fd:NAME} only
    ListenPid listen_pid = ListenPid::set;
    ErrorOutput error_output = ErrorOutput::capture;
    KeepExecutable keep_executable = KeepExecutable::open;
    std::optional<HookSpec> pre_start; ///< before each worker; fail: it counts as not launched

    bool operator==(const ProcessSpec&) const = default;
};

/// notify: READY=1. fd: a newline on a fd that the worker got (s6). ipc: "ready" on the channel
/// of Node's process.send(). probe: `probe` passes. accepting: one of its
/// processes waits for connections on every listener that it got, which no old worker can do for it.
enum class ReadyOn { notify, started, fd, probe, accepting, ipc };
enum class NotifyAccess { main, group, all };

/// [ready]
struct ReadySpec {
    ReadyOn on = ReadyOn::notify;
    NotifyAccess notify_access = NotifyAccess::group;
    Duration timeout = std::chrono::seconds(60);
    Duration delay{}; ///< on = "started": ready this long after the exec, if it still lives
    std::optional<std::uint32_t>
        fd; ///< on = "fd": its number in the worker; none: after the listeners
    std::optional<ProbeSpec> startup;   ///< nothing else counts before it passed
    std::optional<ProbeSpec> probe;     ///< on = "probe"
    std::optional<HookSpec> post_ready; ///< then min_ready counts on; fail: the worker failed

    bool operator==(const ReadySpec&) const = default;
};

/// [live]: when a worker that is ready counts as broken. It is drained and another one started.
struct LiveSpec {
    std::optional<Duration> watchdog; ///< WATCHDOG=1 at least so often, once it is ready
    std::optional<ProbeSpec> probe;

    bool operator==(const LiveSpec&) const = default;
};

/// [recycle]: when a healthy worker gets a successor of its own revision.
struct RecycleSpec {
    std::optional<Duration> max_age; ///< since it became available; spread over its last fifth
    std::optional<std::uint64_t> max_memory;      ///< bytes that only it uses, with its descendants
    Duration interval = std::chrono::seconds(10); ///< between two looks at its memory

    bool operator==(const RecycleSpec&) const = default;
};

/// [limits]: of a worker with all its descendants, through its cgroup. UINT64_MAX is infinity.
struct LimitsSpec {
    std::optional<std::uint64_t> memory_max;  ///< bytes; above: the kernel kills the worker
    std::optional<std::uint64_t> memory_high; ///< bytes; above: it is slowed down
    std::optional<std::uint32_t> cpu_weight;  ///< 1 to 10000, 100 is what everybody has
    std::optional<std::uint32_t> cpu_max;     ///< percent of one processor's time
    std::optional<std::uint64_t> tasks_max;   ///< processes and threads
    std::optional<std::uint32_t> io_weight;   ///< as cpu_weight

    bool operator==(const LimitsSpec&) const = default;
};

/// A count or a percentage of `replicas`.
struct Share {
    std::uint32_t value = 0;
    bool percent = false;

    bool operator==(const Share&) const = default;
};

/// rolling: as many at a time as surge and unavailable permit. recreate: the old ones are gone before
/// the first new one starts. blue_green: a whole second set beside the first, then all old ones go.
/// canary: rolling, in stages. in_place: each worker in turn is told to reload itself; where that
/// cannot do (another executable, command, …) and at a rollback without `revert`, rolling.
enum class Strategy { rolling, recreate, blue_green, canary, in_place };
enum class OnFailure { rollback, pause };

/// A part of a rollout that somebody looks at before it goes on.
struct RolloutStage {
    Share size; ///< of `replicas`, rounded up, one at least: workers of the new revision
    std::optional<Duration> hold; ///< from when they are available; none: until it is promoted

    bool operator==(const RolloutStage&) const = default;
};

/// How a worker reloads itself, as the new revision. `reload` tells it to; it has done so when
/// `verify` succeeds or, without one, when it said RELOADING=1 and then READY=1. Bounded by
/// ready.timeout. `revert` makes a worker that was reloaded the old revision's again. `verify` is asked of
/// a worker that is started, too, before it counts as ready: what it read may be another revision's.
struct InPlaceSpec {
    HookSpec reload;
    std::optional<HookSpec> verify;
    std::optional<HookSpec> revert;

    bool operator==(const InPlaceSpec&) const = default;
};

/// What to do where a surge would need more memory than there is.
enum class MemoryCheck { off, warn, refuse };

/// [rollout]
struct RolloutSpec {
    std::uint32_t replicas = 1;
    Strategy strategy = Strategy::rolling;
    Share max_surge{1, false};
    Share max_unavailable{0, false};
    Duration min_ready{};
    Duration progress_deadline = std::chrono::minutes(10);
    std::optional<std::uint32_t> max_total; ///< default: replicas + surge + replicas
    OnFailure on_failure = OnFailure::rollback;
    std::vector<RolloutStage> stages; ///< canary: its steps; blue_green: one of the whole size
    /// The failure of one that says `fail` is the new revision's.
    std::optional<HookSpec> before;   ///< before anything moves
    std::optional<HookSpec> analysis; ///< at the end of each stage; always `fail`
    std::optional<HookSpec> after;    ///< before the verdict "complete"
    std::optional<HookSpec> failed;   ///< once it failed; changes nothing any more
    std::optional<InPlaceSpec> in_place;
    MemoryCheck memory_check = MemoryCheck::warn;
    Duration keep_old{}; ///< blue_green: how long the old set runs on after the new one took over
    std::uint32_t history = 10; ///< how many revisions are kept on disk

    bool operator==(const RolloutSpec&) const = default;
};

/// [stop]. One grace period covers the pre-stop hook, the wait for the last connection, the stop signal and
/// the exit.
struct StopSpec {
    // `fail`: the failure of one of an old worker's is the failure of the rollout that replaces it.
    std::optional<HookSpec> pre_stop;
    std::optional<HookSpec> post_stop; ///< it has a timeout
    /// After the pre-stop hook, and at most so long, the stop signal waits for the worker's last connection.
    std::optional<Duration> wait_idle;
    int signal = 15;
    Duration grace = std::chrono::seconds(30);
    Duration min_stop = std::chrono::seconds(2);
    Duration grace_max = std::chrono::minutes(10); ///< how far EXTEND_TIMEOUT_USEC may prolong it

    bool operator==(const StopSpec&) const = default;
};

enum class RestartPolicy { always, on_failure, never };

/// [restart], of a worker that dies by itself. The n-th retry in a row waits min·2^(n-1), at most
/// `max`; a worker that was available for `max` starts the row anew.
struct RestartSpec {
    RestartPolicy policy = RestartPolicy::always;
    Duration backoff_min = std::chrono::milliseconds(100);
    Duration backoff_max = std::chrono::seconds(30);

    bool operator==(const RestartSpec&) const = default;
};

/// Where a worker's stdout and stderr go.
///   automatic  journal where the supervisor's own stderr is the journal, prefix where it is a terminal,
///              else capture; inherit wherever stderr = "inherit" says so
///   journal    both are a stream of the journal's own, as NAME.rREVISION.REPLICA: nothing of ours is between
///   inherit    both are the supervisor's
///   capture    stdout is the supervisor's; stderr passes through us to the supervisor's
///   prefix     both pass through us to the supervisor's stderr, each line with NAME.REPLICA before it
///   file       both pass through us to a file
/// What passes through us does so in a pipe whose read end outlives us.
enum class LogOutput { automatic, journal, inherit, capture, prefix, file };

/// [log]
struct LogSpec {
    LogOutput output = LogOutput::automatic;
    std::string file;          ///< absolute; output = file
    std::uint32_t mode = 0640; ///< of a file that is made

    bool operator==(const LogSpec&) const = default;
};

/// [metrics]
struct MetricsSpec {
    Address listen; ///< of HTTP: TCP or a unix socket

    bool operator==(const MetricsSpec&) const = default;
};

struct Spec {
    ProcessSpec process;
    std::vector<ListenerSpec> listeners;
    ReadySpec ready;
    LiveSpec live;
    RolloutSpec rollout;
    StopSpec stop;
    RestartSpec restart;
    RecycleSpec recycle;
    LogSpec log;
    std::optional<LimitsSpec> limits;
    std::optional<MetricsSpec> metrics; ///< none: nobody is listened to

    bool operator==(const Spec&) const = default;
};

/// The rollout's numbers at `replicas` workers: surge rounded up, unavailable rounded down; if
/// both come to 0, surge is 1, because a rollout that may move nothing never ends. The strategy
/// comes first: recreate has no surge and may leave nothing, blue_green has a second set in its surge.
struct Budget {
    std::uint32_t replicas = 0;
    std::uint32_t surge = 0;
    std::uint32_t unavailable = 0;
    std::uint32_t total = 0; ///< workers of any kind, draining ones too
};
Budget budget_of(const RolloutSpec& spec, std::uint32_t replicas);
/// How many workers of the new revision a stage has.
std::uint32_t size_of(const RolloutStage& stage, std::uint32_t replicas);

} // namespace svc::rollout
