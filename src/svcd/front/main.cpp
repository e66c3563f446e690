// svcd: one supervisor of one service.
#include "os/files.h"
#include "os/systemd_sockets.h"
#include "svcd/front/daemon.h"
#include "svcd/front/handover.h"
#include "svcd/front/keeping.h"
#include "svcd/front/logging.h"
#include "svcd/front/options.h"
#include "svcd/front/places.h"
#include "svcd/front/reap.h"

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

Result<Ground> prepare(Options options, std::uint64_t original_nofile_soft) {
    Ground ground;
    auto directories = find_directories(options.name, options.runtime_dir, options.state_dir,
                                        ::geteuid(), variable);
    if (!directories)
        return directories.error();
    if (!options.control_group.empty()) {
        auto group = os::find_group(options.control_group);
        if (!group)
            return Error{"--control-group: " + group.error().message, group.error().code};
        ground.control_group = *group;
    }
    if (auto made = make_places(*directories); !made)
        return made.error();
    auto lock = lock_service(options.name, directories->runtime);
    if (!lock)
        return lock.error();
    ground.lock = std::move(*lock);
    Settings& settings = ground.settings;
    settings.name = std::move(options.name);
    settings.runtime_dir = std::move(directories->runtime);
    settings.state_dir = std::move(directories->state);
    settings.service_file = std::move(options.service_file);
    settings.inline_spec = std::move(options.inline_spec);
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

/// The program that gave way to this one cannot be worse off than before: it goes on, and tells why.
void go_back(const Handover& handover, const Settings& settings, const std::string& why) {
    if (!handover.previous)
        return;
    spdlog::critical("this program cannot go on from the one before: {}; going back to that", why);
    auto environment = settings.environment;
    environment.push_back(std::string(upgrade_problem_variable) + "=" + why);
    const Error failed =
        execute_with(handover.previous.get(), handover.fds, settings.original_nofile_soft,
                     settings.arguments, environment);
    spdlog::critical("going back failed, too: {}", failed.message);
}

/// As this process was started.
struct Process {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
};

int run(Options options, Process process) {
    hold_signals_back();
    // A client or a worker that closes its end must not end us; svc-launch resets it for workers.
    ::signal(SIGPIPE, SIG_IGN);
    // Nor may a limit of file sizes (setrlimit(2), RLIMIT_FSIZE): what is too large is reported as EFBIG.
    ::signal(SIGXFSZ, SIG_IGN);
    // Before any fd is opened: more may have been passed to us than the soft limit has numbers for.
    std::uint64_t original_nofile_soft = raise_descriptor_limit(variable(worker_nofile_variable));
    auto handover = take_handover();
    if (!handover) {
        spdlog::critical("{}", handover.error().message);
        return 1;
    }
    Passed passed =
        *handover ? std::move((*handover)->passed) : sort_passed(os::take_systemd_sockets());
    if (*handover)
        original_nofile_soft = (*handover)->nofile_soft; // the program before us raised it
    os::ManagerSocket manager = os::ManagerSocket::take();
    const auto watchdog = os::take_watchdog();
    auto ground = prepare(std::move(options), original_nofile_soft);
    if (!ground) {
        spdlog::critical("{}", ground.error().message);
        return 1;
    }
    ground->settings.arguments = std::move(process.arguments);
    ground->settings.environment = std::move(process.environment);
    ground->settings.watchdog = watchdog;
    if (*handover && !(*handover)->problem.empty()) {
        // We are the program that could go on; there is no other one to go back to.
        ground->settings.upgrade_problem = (*handover)->problem;
        ground->settings.launcher_path =
            "/proc/self/fd/" + std::to_string((*handover)->previous_launch.get());
        (*handover)->previous.reset();
    }
    passed.upgraded = *handover && (*handover)->previous;
    const Settings settings = ground->settings;
    boost::asio::io_context io(1);
    Daemon daemon(io, std::move(ground->settings), std::move(manager), std::move(passed));
    if (auto started = daemon.start(ground->control_group); !started) {
        if (*handover)
            go_back(**handover, settings, started.error().message);
        spdlog::critical("{}", started.error().message);
        return 1;
    }
    *handover = std::nullopt; // there is no way back from here
    try {
        io.run();
    } catch (const std::exception& failure) {
        // Without destructors: they would end the workers, whom the next supervisor takes over.
        spdlog::critical("svcd cannot go on: {}", failure.what());
        std::_Exit(1);
    }
    // What was cancelled at the end gets its turn to end.
    io.restart();
    io.poll();
    if (!daemon.at_rest())
        std::_Exit(daemon.exit_status());
    return daemon.exit_status();
}

} // namespace

int main(int count, char** values) {
    const std::vector<std::string> arguments(values + (count > 0 ? 1 : 0), values + count);
    if (arguments == std::vector<std::string>{check_state_option})
        return check_state(checked_state_fd);
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
    std::error_code unknown;
    const std::string here = std::filesystem::current_path(unknown).string();
    auto parsed = parse_options(arguments, own_environment(), here.empty() ? "/" : here);
    if (const auto* end = std::get_if<EndNow>(&parsed)) {
        std::fputs(end->text.c_str(), end->exit_status == 0 ? stdout : stderr);
        return end->exit_status;
    }
    auto& options = std::get<Options>(parsed);
    set_up_logging(options.log_level);
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
