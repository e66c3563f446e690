// svc-launch: reads one launch order, becomes the worker that it describes, waits for GO, execs.
// wire/launch_order.h is its contract with the supervisor. It is a program of its own because
// almost nothing may be done between fork and exec of a big process, and because here a failing
// step is an ordinary error with a sentence.
//
//   order received → fds received and placed → every step done → GO → exec
//
// Every step that can fail is done before GO, so that a version that cannot start is known early,
// and GO costs one execve(2). At any point before GO, end-of-file ends it without a word: the
// supervisor is gone or does not want the worker any more, and nothing was started.
#include "launch/channel.h"
#include "launch/explain.h"
#include "launch/launch.h"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace svc;

constexpr int exit_usage = 2;
constexpr int exit_cannot = 126; // as shells do: found, but not startable; 127: not there
constexpr int exit_not_found = 127;

/// A failed write of the last words leaves nothing to do.
void say(int fd, std::string_view text) {
    [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

int say_purpose() {
    say(STDERR_FILENO, "svc-launch: svcd starts this program for every worker and tells it over "
                       "fd 3 what to\nexecute; it is of no use by hand. See svcd(8).\n");
    return exit_usage;
}

int report(const launch::Channel& channel, wire::LaunchStep step, const Error& error) {
    channel.send_failure(
        {.step = step, .error = error.code, .sentence = launch::harmless(error.message)});
    const bool absent = error.code == ENOENT || error.code == ENOTDIR;
    return step == wire::LaunchStep::exec && absent ? exit_not_found : exit_cannot;
}

/// Comes back with errno.
void execute(const launch::Launch& launch) {
    const std::int32_t index = launch.order.executable_index;
    if (index < 0) {
        ::execve(launch.order.executable.c_str(), launch.argument_pointers.data(),
                 launch.environment_pointers.data());
        return;
    }
    // The fd is close-on-exec, as execveat(2) permits for anything but a script: the program itself
    // never sees it.
    ::execveat(launch.fds[static_cast<std::size_t>(index)].get(), "",
               launch.argument_pointers.data(), launch.environment_pointers.data(), AT_EMPTY_PATH);
}

int run() {
    using wire::LaunchStep;
    launch::Channel channel(wire::launch_socket_fd);

    auto header = channel.receive_header();
    if (!header) {
        if (header.error().code == EBADF || header.error().code == ENOTSOCK)
            return say_purpose();
        return report(channel, LaunchStep::order, header.error());
    }
    auto order = channel.receive_order(*header);
    if (!order)
        return report(channel, LaunchStep::order, order.error());

    launch::Launch launch(std::move(*order));
    if (auto placed = launch.take_fds(channel, header->fd_count); !placed)
        return report(channel, LaunchStep::fds, placed.error());
    for (const launch::Step& step : launch::steps()) {
        if (auto done = step.perform(launch); !done)
            return report(channel, step.name, done.error());
    }

    if (auto go = channel.wait_for_go(); !go)
        return report(channel, LaunchStep::order, go.error());
    execute(launch);
    return report(channel, LaunchStep::exec, launch::explain_exec_failure(launch.order, errno));
}

} // namespace

int main(int argument_count, char** arguments) {
    if (argument_count == 2 && std::string_view(arguments[1]) == "--version") {
        say(STDOUT_FILENO, "svc-launch " SVC_VERSION "\n");
        return 0;
    }
    if (argument_count > 1)
        return say_purpose();
    // Executed through /proc/self/fd/N, its name would be N in ps(1).
    ::prctl(PR_SET_NAME, "svc-launch");
    // No destructor, no exit handler: whatever is open is to close when the process is gone.
    ::_exit(run());
}
