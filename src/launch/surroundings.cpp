#include "launch/launch.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace svc::launch {

namespace {

Result<void> connect(int source, int target) {
    if (::dup2(source, target) < 0)
        return system_error("cannot put a fd on number " + std::to_string(target), errno);
    return {};
}

} // namespace

Result<void> enter_process_group(Launch& launch) {
    if (launch.order.new_session) {
        if (::setsid() < 0)
            return system_error("cannot start a session", errno);
        return {};
    }
    if (::setpgid(0, 0) != 0)
        return system_error("cannot start a process group", errno);
    return {};
}

Result<void> enter_cgroup(Launch& launch) {
    const std::int32_t index = launch.order.cgroup_index;
    // "0" is whoever writes (cgroups(7)).
    if (index < 0 || ::write(launch.fds[static_cast<std::size_t>(index)].get(), "0", 1) == 1)
        return {};
    const int error = errno;
    std::string what = "cannot enter the worker's cgroup";
    if (error == EBUSY)
        what += " (its children have controllers: something else makes cgroups in it)";
    if (error == ENODEV)
        what += " (it was removed)";
    if (error == EAGAIN)
        what += " (tasks_max, or a limit of a cgroup above, allows no process)";
    return system_error(std::move(what), error);
}

Result<void> set_umask(Launch& launch) {
    if (launch.order.umask)
        ::umask(*launch.order.umask);
    return {};
}

Result<void> enter_directory(Launch& launch) {
    const std::string& wanted = launch.order.directory;
    const std::string directory = wanted.empty() ? "/" : wanted;
    if (::chdir(directory.c_str()) == 0)
        return {};
    const int error = errno;
    std::string what = "cannot enter the directory " + directory;
    if (error == EACCES)
        what += " as uid " + std::to_string(::geteuid());
    return system_error(std::move(what), error);
}

Result<void> connect_stdio(Launch& launch) {
    const wire::LaunchOrder& order = launch.order;
    if (order.stdin_index < 0) {
        const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!null)
            return system_error("cannot open /dev/null", errno);
        if (auto connected = connect(null.get(), STDIN_FILENO); !connected)
            return connected;
    }
    const std::pair<std::int32_t, int> wanted[] = {{order.stdin_index, STDIN_FILENO},
                                                   {order.stdout_index, STDOUT_FILENO},
                                                   {order.stderr_index, STDERR_FILENO}};
    for (const auto& [index, target] : wanted) {
        if (index < 0)
            continue;
        const int source = launch.fds.at(static_cast<std::size_t>(index)).get();
        if (auto connected = connect(source, target); !connected)
            return connected;
    }
    return {};
}

Result<void> prepare_environment(Launch& launch) {
    // An exec keeps the pid, so ours is the worker's: what LISTEN_PID asks for (sd_listen_fds(3)).
    const std::string pid = std::to_string(::getpid());
    for (const std::string& name : launch.order.pid_variables)
        launch.pid_entries.push_back(name + "=" + pid);

    const auto point_at = [](std::vector<std::string>& texts, std::vector<char*>& pointers) {
        for (std::string& text : texts)
            pointers.push_back(text.data());
    };
    point_at(launch.order.arguments, launch.argument_pointers);
    launch.argument_pointers.push_back(nullptr);
    point_at(launch.order.environment, launch.environment_pointers);
    point_at(launch.pid_entries, launch.environment_pointers);
    launch.environment_pointers.push_back(nullptr);
    return {};
}

Result<void> reset_signals(Launch&) {
    // An exec resets handlers, but what is ignored stays ignored (signal(7)): a worker that
    // inherits an ignored SIGPIPE or SIGHUP behaves in ways that its author never saw. By the
    // kernel's own call, because the C library's refuses the two signals that it uses itself (32
    // and 33), and its posix_spawn(3) leaves exactly these ignored (seen with glibc 2.36). Whatever
    // the layout of the kernel's struct sigaction, all zeros are SIG_DFL without flags. KILL and
    // STOP give EINVAL, and are as they should be.
    constexpr std::size_t kernel_sigset_bytes = 8;
    const std::array<std::uint64_t, 8> by_default{};
    for (int signal = 1; signal < NSIG; ++signal)
        ::syscall(SYS_rt_sigaction, signal, by_default.data(), nullptr, kernel_sigset_bytes);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    return {};
}

} // namespace svc::launch
