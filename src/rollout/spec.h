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

/// One [[listener]]. A listener is a *set* of sockets in the daemon (one today; lanes of a
/// SO_REUSEPORT group later), so nothing here says "the fd".
struct ListenerSpec {
    std::string name; ///< LISTEN_FDNAMES; unique in the service
    Address address;
    ListenerOptions options;

    bool operator==(const ListenerSpec&) const = default;
};

/// A limit of setrlimit(2); UINT64_MAX is infinity.
struct ResourceLimit {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;

    bool operator==(const ResourceLimit&) const = default;
};

enum class Session { process_group, session }; ///< setpgid(2) or setsid(2): who leads what
enum class ListenPid { set, omit };            ///< omit: for wrappers that fork (svc-worker(7))
enum class ErrorOutput { capture, inherit }; ///< capture: stderr passes through us, last lines kept
/// open: an ELF file is held open, for as long as this supervisor lives. copy: a copy is kept with the
/// revision as well, and outlives it.
enum class KeepExecutable { open, copy };

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
    ListenPid listen_pid = ListenPid::set;
    ErrorOutput error_output = ErrorOutput::capture;
    KeepExecutable keep_executable = KeepExecutable::open;

    bool operator==(const ProcessSpec&) const = default;
};

enum class ReadyOn { notify, started };
enum class NotifyAccess { main, group, all };

/// [ready]
struct ReadySpec {
    ReadyOn on = ReadyOn::notify;
    NotifyAccess notify_access = NotifyAccess::group;
    Duration timeout = std::chrono::seconds(60);
    Duration delay{}; ///< on = "started": ready this long after the exec, if it still lives

    bool operator==(const ReadySpec&) const = default;
};

/// A count or a percentage of `replicas`.
struct Share {
    std::uint32_t value = 0;
    bool percent = false;

    bool operator==(const Share&) const = default;
};

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

/// rolling: as many at a time as surge and unavailable permit. recreate: the old ones are gone before
/// the first new one starts. blue_green: a whole second set beside the first, then all old ones go.
/// canary: rolling, in stages.
enum class Strategy { rolling, recreate, blue_green, canary };
enum class OnFailure { rollback, pause };

/// A part of a rollout that somebody looks at before it goes on.
struct RolloutStage {
    Share size; ///< of `replicas`, rounded up, one at least: workers of the new revision
    std::optional<Duration> hold; ///< from when they are available; none: until it is promoted

    bool operator==(const RolloutStage&) const = default;
};

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
    std::optional<Hook> analysis; ///< at the end of each stage: its failure is the new revision's
    Duration analysis_timeout = std::chrono::minutes(1);
    Duration keep_old{}; ///< blue_green: how long the old set runs on after the new one took over
    std::uint32_t history = 10; ///< how many revisions are kept on disk

    bool operator==(const RolloutSpec&) const = default;
};

/// [stop]. One grace period covers the pre-stop hook, the stop signal and the exit.
struct StopSpec {
    std::optional<Hook> pre_stop;
    std::optional<Hook> post_stop;
    Duration post_stop_timeout = std::chrono::seconds(10);
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

struct Spec {
    ProcessSpec process;
    std::vector<ListenerSpec> listeners;
    ReadySpec ready;
    RolloutSpec rollout;
    StopSpec stop;
    RestartSpec restart;

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
