#include "svcd/host/hooks/launch_plan.h"

#include "base/text.h"
#include "os/files.h"
#include "os/memory.h"
#include "wire/service_file.h"

#include <array>
#include <cstdlib>
#include <sys/resource.h>
#include <utility>

namespace svc::daemon {

namespace {

// Read by sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3) of libsystemd up to 257.
constexpr std::array protocol_variables{
    "LISTEN_FDS",      "LISTEN_PID",      "LISTEN_FDNAMES", "LISTEN_PIDFDID",   "NOTIFY_SOCKET",
    "WATCHDOG_USEC",   "WATCHDOG_PID",    "FDSTORE",        "MAINPID",          "SVC_WORKER_NOFILE",
    "SVC_SERVICE",     "SVC_REVISION",    "SVC_REPLICA",    "SVC_READY_FD",     "SVC_WORKER_PID",
    "SVC_EXIT_STATUS", "SVC_EXIT_REASON", "SVC_STEP",       "SVC_OLD_REVISION", "SVC_REASON",
    "SVC_WORKER"};

constexpr std::array<std::pair<std::string_view, int>, 14> limits{{
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
}};

void copy_ours(Environment& environment, const char* name) {
    if (const char* value = ::getenv(name))
        environment[name] = value;
}

Result<std::vector<wire::LaunchLimit>>
plan_limits(const std::map<std::string, rollout::ResourceLimit>& wanted) {
    std::vector<wire::LaunchLimit> result;
    for (const auto& [name, limit] : wanted) {
        std::int32_t resource = -1;
        for (const auto& [known, number] : limits) {
            if (known == name)
                resource = number;
        }
        if (resource < 0)
            return Error{"unknown resource limit " + name, 0};
        result.push_back({resource, limit.soft, limit.hard});
    }
    return result;
}

std::vector<std::string> flatten(const Environment& environment) {
    std::vector<std::string> result;
    result.reserve(environment.size());
    for (const auto& [name, value] : environment)
        result.push_back(name + "=" + value);
    return result;
}

/// Who and where: the same for a worker and for what runs for it.
Result<wire::LaunchOrder> plan_process(const rollout::Revision& revision) {
    const auto& process = revision.spec.process;
    auto planned_limits = plan_limits(process.limits);
    if (!planned_limits)
        return planned_limits.error();
    wire::LaunchOrder order;
    order.directory = process.directory;
    order.set_credentials = revision.credentials.set;
    order.uid = revision.credentials.uid;
    order.gid = revision.credentials.gid;
    order.groups = revision.credentials.groups;
    order.umask = process.umask;
    order.limits = std::move(*planned_limits);
    order.nice = process.nice;
    order.oom_score_adj = oom_score_for(process.oom_score_adj, os::own_oom_score_adj());
    order.no_new_privileges = process.no_new_privileges;
    return order;
}

} // namespace

std::optional<int> oom_score_for(std::optional<int> wanted, int ours) {
    return wanted || ours >= 0 ? wanted : 0;
}

Environment common_environment(const rollout::Revision& revision, const std::string& service) {
    Environment environment;
    environment["PATH"] = os::default_search_path;
    copy_ours(environment, "LANG");
    const auto& who = revision.credentials;
    if (who.set) {
        environment["HOME"] = who.home;
        environment["USER"] = who.user;
        environment["LOGNAME"] = who.user;
        environment["SHELL"] = who.shell;
        // A number without an entry in the user database has none of them.
        std::erase_if(environment, [](const auto& entry) { return entry.second.empty(); });
    } else {
        for (const char* name : {"HOME", "USER", "LOGNAME", "SHELL"})
            copy_ours(environment, name);
    }
    for (const auto& [name, value] : revision.spec.process.environment)
        environment[name] = value;
    for (const auto& [name, value] : revision.file_environment)
        environment[name] = value;
    for (const char* name : protocol_variables)
        environment.erase(name);
    environment["SVC_SERVICE"] = service;
    environment["SVC_REVISION"] = std::to_string(revision.number);
    return environment;
}

namespace {

/// The fd on which it says that it is ready, with its number or the first one that is free.
void plan_ready_fd(wire::LaunchOrder& order, Environment& environment, const WorkerPlace& place,
                   const rollout::ReadySpec& ready) {
    if (place.ready_index < 0)
        return;
    order.placed_index = place.ready_index;
    order.placed_number = ready.fd.value_or(3 + order.inherited_fds);
    const std::string number = std::to_string(order.placed_number);
    if (ready.on == rollout::ReadyOn::ipc) {
        environment["NODE_CHANNEL_FD"] = number;
        // One JSON value a line; "advanced" would be V8's own format.
        environment["NODE_CHANNEL_SERIALIZATION_MODE"] = "json";
    } else {
        environment["SVC_READY_FD"] = number;
    }
}

/// sd_watchdog_enabled(3).
void plan_watchdog(wire::LaunchOrder& order, Environment& environment,
                   const rollout::LiveSpec& live) {
    if (!live.watchdog)
        return;
    environment["WATCHDOG_USEC"] = std::to_string(live.watchdog->count());
    order.pid_variables.emplace_back("WATCHDOG_PID");
}

} // namespace

Result<wire::LaunchOrder> plan_worker(const rollout::Revision& revision, const WorkerPlace& place) {
    auto order = plan_process(revision);
    if (!order)
        return order;
    const auto& process = revision.spec.process;
    order->executable = revision.executable;
    for (const std::string& word : revision.command)
        order->arguments.push_back(insert_fds(word, place.sockets));
    order->new_session = process.session == rollout::Session::session;
    order->inherited_fds = static_cast<std::uint32_t>(place.sockets.size());
    order->stdout_index = place.stdout_index;
    order->stderr_index = place.stderr_index;
    order->cgroup_index = place.cgroup_index;

    Environment environment = common_environment(revision, place.service);
    // Not what a file or we ourselves say of the same name.
    for (const auto& [name, value] : process.environment)
        if (const auto set = environment.find(name);
            set != environment.end() && set->second == value)
            set->second = insert_fds(value, place.sockets);
    environment["SVC_REPLICA"] = std::to_string(place.replica);
    environment["NOTIFY_SOCKET"] = place.notify_path;
    announce_sockets(process.protocols, place.sockets, revision.number, environment);
    if (environment.contains("LISTEN_FDS") && process.listen_pid == rollout::ListenPid::set)
        order->pid_variables.emplace_back("LISTEN_PID");
    plan_ready_fd(*order, environment, place, revision.spec.ready);
    plan_watchdog(*order, environment, revision.spec.live);
    order->environment = flatten(environment);
    return order;
}

Result<wire::LaunchOrder> plan_command(const rollout::Revision& revision,
                                       const std::vector<std::string>& command,
                                       const Environment& environment) {
    auto order = plan_process(revision);
    if (!order)
        return order;
    if (command.empty())
        return Error{"the command is empty", 0};
    const auto path = environment.find("PATH");
    auto executable = os::find_executable(
        command.front(), path == environment.end() ? os::default_search_path : path->second,
        revision.spec.process.directory);
    if (!executable)
        return executable.error();
    order->executable = std::move(*executable);
    order->arguments = command;
    order->stdout_index = 0;
    order->stderr_index = 0;
    // What names a worker's fd means nothing in a process that has none of them.
    Environment without_fds = environment;
    std::erase_if(without_fds,
                  [](const auto& entry) { return entry.second.find("{fd:") != std::string::npos; });
    order->environment = flatten(without_fds);
    return order;
}

std::vector<std::string> expand_release(std::vector<std::string> command,
                                        const std::string& release) {
    for (auto& word : command) {
        // The loader has refused what cannot be expanded.
        if (auto expanded = wire::expand(word, release))
            word = std::move(*expanded);
    }
    return command;
}

} // namespace svc::daemon
