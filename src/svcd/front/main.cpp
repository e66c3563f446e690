// svcd: one supervisor of one service.
#include "os/files.h"
#include "os/program.h"
#include "os/systemd_sockets.h"
#include "svcd/front/daemon.h"
#include "svcd/front/handover.h"
#include "svcd/front/keeping.h"
#include "svcd/front/logging.h"
#include "svcd/front/options.h"
#include "svcd/front/places.h"
#include "svcd/front/reap.h"
#include "svcd/front/trial.h"
#include "svcd/host/survival/kept_names.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <unistd.h>

namespace {

using namespace svc;
using namespace svc::daemon;

const char* variable(const char* name) {
    return std::getenv(name);
}

std::vector<std::string> own_environment() {
    std::vector<std::string> all;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        all.emplace_back(*entry);
    return all;
}

/// What `run` holds until the end besides the loop.
struct Ground {
    Settings settings;
    UniqueFd lock;
    std::optional<gid_t> control_group;
};

/// `lock`: held by the program before us in this process; empty: there was none.
Result<Ground> prepare(Options options, std::uint64_t original_nofile_soft, UniqueFd lock) {
    Ground ground;
    auto directories = find_directories(options.name, options.runtime_dir, options.state_dir,
                                        ::geteuid(), variable);
    if (!directories)
        return directories.error();
    if (!options.control_group.empty()) {
        // No reason to end: a group that was deleted must not keep the next supervisor from its workers.
        if (auto group = os::find_group(options.control_group))
            ground.control_group = *group;
        else
            spdlog::warn("--control-group: {}; until a supervisor is started that finds it, only "
                         "root and this one's own user may change the service",
                         group.error().message);
    }
    if (options.trial)
        if (auto checked = check_trial_directory(options.trial->directory); !checked)
            return checked.error();
    if (auto made = make_places(*directories); !made)
        return made.error();
    ground.lock = std::move(lock);
    if (!ground.lock) {
        auto locked = lock_service(options.name, directories->runtime);
        if (!locked)
            return locked.error();
        ground.lock = std::move(*locked);
    }
    Settings& settings = ground.settings;
    settings.name = std::move(options.name);
    settings.runtime_dir = std::move(directories->runtime);
    settings.state_dir = std::move(directories->state);
    settings.service_file = std::move(options.service_file);
    settings.inline_spec = std::move(options.inline_spec);
    settings.cgroup = std::move(options.cgroup);
    settings.trial = std::move(options.trial);
    settings.launcher_path = find_launcher(variable);
    settings.original_nofile_soft = original_nofile_soft;
    return ground;
}

/// Until the daemon handles them: a HUP that comes while it starts must not end it, and a TERM must not be lost.
/// Whoever started us may have blocked more, across its exec.
void hold_signals_back() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : Daemon::handled_signals)
        sigaddset(&held, number);
    ::sigprocmask(SIG_SETMASK, &held, nullptr);
}

/// As this process was started.
struct Process {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::optional<Handover> handover{}; ///< by the program before us, if there was one
};

/// The program that gave way to this one cannot be worse off than before: it goes on, and tells why. Returns
/// if there is none, or if it cannot be executed.
void go_back(const Process& process, const std::string& why) {
    if (!process.handover || !process.handover->previous)
        return;
    const Handover& handover = *process.handover;
    spdlog::critical("this program cannot go on from the one before: {}; going back to that", why);
    const sigset_t before = os::block_all_signals();
    auto environment = process.environment;
    environment.push_back(std::string(upgrade_problem_variable) + "=" + why);
    const Error failed = execute_with(handover.previous.get(), handover.fds, handover.nofile_soft,
                                      process.arguments, environment);
    os::restore_signals(before);
    spdlog::critical("going back failed, too: {}", failed.message);
}

/// A start that failed may have taken workers over. Without destructors: they would end them, whom the next
/// supervisor takes over in its turn.
[[noreturn]] void fail_to_start(const Process& process, const std::string& why) {
    go_back(process, why);
    spdlog::critical("{}", why);
    spdlog::shutdown();
    std::_Exit(1);
}

struct Start {
    Ground ground;
    os::ManagerSocket manager;
    Passed passed;
};

Result<Start> get_ready(Options options, Process& process) {
    // Before any fd is opened: more may have been passed to us than the soft limit has numbers for.
    std::uint64_t original_nofile_soft = raise_descriptor_limit(variable(worker_nofile_variable));
    Start start;
    auto& handover = process.handover;
    start.passed = handover ? std::move(handover->passed) : sort_passed(os::take_systemd_sockets());
    if (handover)
        original_nofile_soft = handover->nofile_soft; // the program before us raised it
    start.manager = os::ManagerSocket::take();
    const auto watchdog = os::take_watchdog();
    auto ground =
        prepare(std::move(options), original_nofile_soft, start.passed.kept.take(kept_lock));
    if (!ground)
        return ground.error();
    start.ground = std::move(*ground);
    Settings& settings = start.ground.settings;
    settings.arguments = process.arguments;
    settings.environment = process.environment;
    settings.watchdog = watchdog;
    settings.lock = start.ground.lock.get();
    if (handover && !handover->problem.empty()) {
        // We are the program that could go on; there is no other one to go back to.
        settings.upgrade_problem = handover->problem;
        settings.launcher_path = "/proc/self/fd/" + std::to_string(handover->previous_launch.get());
        handover->previous.reset();
    }
    start.passed.upgraded = handover && handover->previous;
    return start;
}

int run(Options options, Process process) {
    // A client or a worker that closes its end must not end us; svc-launch resets it for workers.
    ::signal(SIGPIPE, SIG_IGN);
    // Nor may a limit of file sizes (setrlimit(2), RLIMIT_FSIZE): what is too large is reported as EFBIG.
    ::signal(SIGXFSZ, SIG_IGN);
    auto start = get_ready(std::move(options), process);
    if (!start)
        fail_to_start(process, start.error().message);
    const auto trial = start->ground.settings.trial;
    boost::asio::io_context io(1);
    Daemon daemon(io, std::move(start->ground.settings), std::move(start->manager),
                  std::move(start->passed));
    try {
        if (auto started = daemon.start(start->ground.control_group); !started)
            fail_to_start(process, started.error().message);
        process.handover.reset(); // there is no way back from here
        io.run();
    } catch (const std::exception& failure) {
        fail_to_start(process, std::string("svcd cannot go on: ") + failure.what());
    }
    // What was cancelled at the end gets its turn to end.
    io.restart();
    io.poll();
    if (trial)
        remove_trial_directory(*trial);
    if (!daemon.at_rest())
        std::_Exit(daemon.exit_status());
    return daemon.exit_status();
}

/// What the program before us wants to know before it gives way: whether our command line and the state are
/// ones that we can go on from.
int try_to_go_on(std::vector<std::string> arguments, const std::string& here) {
    arguments.erase(arguments.begin());
    const auto parsed = parse_options(arguments, own_environment(), here);
    if (const auto* end = std::get_if<EndNow>(&parsed)) {
        std::fputs(end->text.c_str(), stderr);
        return 1;
    }
    return check_state(checked_state_fd);
}

} // namespace

int main(int count, char** values) {
    const std::vector<std::string> arguments(values + (count > 0 ? 1 : 0), values + count);
    std::error_code unknown;
    std::string here = std::filesystem::current_path(unknown).string();
    if (here.empty())
        here = "/";
    if (!arguments.empty() && arguments.front() == check_state_option)
        return try_to_go_on(arguments, here);
    Process process{std::vector<std::string>(values, values + count), own_environment()};
    // They are of one exec, and this process keeps its pid.
    std::erase_if(process.environment, [](const std::string& entry) {
        return entry.starts_with("LISTEN_") || entry.starts_with("SVC_HANDOVER=") ||
               entry.starts_with(upgrade_problem_variable);
    });
    // One that goes on from another program in this process is kept already, or is not to be.
    const Keeping keeping =
        variable("SVC_HANDOVER") != nullptr
            ? Keeping::none
            : find_keeping(arguments, ::getpid() == 1, variable("NOTIFY_SOCKET") != nullptr);
    if (keeping != Keeping::none) {
        hold_signals_back(); // what comes from here on is the keeper's
        const std::string failure = become_keeper(find_keeper(variable), arguments);
        std::fprintf(stderr, "svcd: no keeper: %s%s\n", failure.c_str(),
                     keeping == Keeping::wanted ? "" : "; its death will end everything");
        if (keeping == Keeping::wanted)
            return 1;
    }
    hold_signals_back();
    auto handover = take_handover();
    if (!handover) {
        std::fprintf(stderr, "svcd: %s\n", handover.error().message.c_str());
        return 1;
    }
    process.handover = std::move(*handover);
    auto parsed = parse_options(arguments, own_environment(), here);
    if (const auto* end = std::get_if<EndNow>(&parsed)) {
        if (end->exit_status != 0)
            go_back(process, end->text);
        std::fputs(end->text.c_str(), end->exit_status == 0 ? stdout : stderr);
        return end->exit_status;
    }
    auto& options = std::get<Options>(parsed);
    set_up_logging(options.log_level, options.name, options.trial.has_value());
    try {
        if (options.reap)
            return reap(options);
        return run(std::move(options), std::move(process));
    } catch (const std::exception& failure) {
        // A supervisor that cannot go on says why; the service manager starts it again.
        spdlog::critical("svcd cannot go on: {}", failure.what());
        return 1;
    }
}
