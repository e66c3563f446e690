// What svc-launch adds to the start of a worker: the time from the spawn until the exec is
// confirmed, against posix_spawn(3) of the same trivial static program. The two take turns, so that
// whatever else the machine does meets both.
//
// Where the time goes (counted by single steps): svc-launch executes about 12,600 instructions and
// 18 system calls before it reads, the trivial program 10,900 and 14. What both pay is the exec,
// some 28 page faults, and 43 CPUID instructions of the C library's start, which a virtual machine
// traps one by one (5 us each where this was measured, half of the whole).
//
//   launch-bench [LAUNCHES]
#include "os/fd_passing.h"
#include "os/process.h"
#include "wire/launch_order.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vector>

namespace {

using namespace svc;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr int default_launches = 500;
constexpr int warm_up = 20; // the first ones find cold caches

[[noreturn]] void give_up(std::string_view reason) {
    std::fprintf(stderr, "launch-bench: %.*s\n", static_cast<int>(reason.size()), reason.data());
    std::exit(1);
}

double microseconds_since(Clock::time_point start) {
    return Microseconds(Clock::now() - start).count();
}

void wait_for(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0)
        give_up("the trivial program failed");
}

/// posix_spawn(3) returns when the exec has happened: it holds the parent until then (vfork(2)).
double spawn_directly() {
    std::array<char, 8> name{"trivial"};
    std::array<char*, 2> arguments{name.data(), nullptr};
    std::array<char*, 1> environment{nullptr};
    pid_t pid = 0;
    const auto start = Clock::now();
    if (::posix_spawn(&pid, TRIVIAL_PATH, nullptr, nullptr, arguments.data(), environment.data()) !=
        0)
        give_up("cannot start " TRIVIAL_PATH);
    const double taken = microseconds_since(start);
    wait_for(pid);
    return taken;
}

void send(int socket, std::string_view bytes) {
    const auto sent = os::send_with_fds(socket, bytes, {});
    if (!sent || *sent != bytes.size())
        give_up("the launcher does not read its order");
}

struct Launch {
    double total = 0;    ///< spawn → exec confirmed
    double after_go = 0; ///< GO → exec confirmed, the launcher having had time for everything else
};

/// `ready_first`: GO is sent only when the launcher waits for it, as it does once the supervisor
/// has to store the worker first.
Launch launch(int launcher, const std::string& order, bool ready_first) {
    Launch measured;
    const auto start = Clock::now();
    auto process = os::spawn_launcher(launcher);
    if (!process)
        give_up(process.error().message);
    send(process->socket.get(), order);
    if (ready_first) {
        // Nothing says that it waits; 5 ms are ten times what it takes.
        ::poll(nullptr, 0, 5);
    }
    const auto go = Clock::now();
    send(process->socket.get(), std::string_view(&wire::launch_go, 1));
    pollfd wanted{.fd = process->socket.get(), .events = POLLIN, .revents = 0};
    std::array<char, 4096> answer{};
    if (::poll(&wanted, 1, 10000) != 1 ||
        ::recv(process->socket.get(), answer.data(), answer.size(), 0) != 0)
        give_up("the launcher reports a failure");
    measured.total = microseconds_since(start);
    measured.after_go = microseconds_since(go);
    wait_for(process->pid);
    return measured;
}

double quantile(std::vector<double>& values, double part) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * part)];
}

double print_row(const char* what, std::vector<double>& values) {
    const double median = quantile(values, 0.5);
    std::printf("%-40s %8.0f %8.0f\n", what, median, quantile(values, 0.9));
    return median;
}

} // namespace

int main(int argument_count, char** arguments) {
    const int launches = argument_count > 1 ? std::atoi(arguments[1]) : default_launches;
    if (launches < 1)
        give_up("usage: launch-bench [LAUNCHES]");
    const auto launcher = os::open_launcher(SVC_LAUNCH_PATH);
    if (!launcher)
        give_up(launcher.error().message);
    const wire::LaunchOrder trivial{.executable = TRIVIAL_PATH, .arguments = {"trivial"}};
    const auto order = wire::encode_launch_order(trivial, 0);
    if (!order)
        give_up(order.error().message);

    std::vector<double> direct;
    std::vector<double> launched;
    std::vector<double> after_go;
    for (int round = -warm_up; round < launches; ++round) {
        const double spawned = spawn_directly();
        const Launch at_once = launch(launcher->get(), *order, false);
        const Launch held = launch(launcher->get(), *order, true);
        if (round < 0)
            continue;
        direct.push_back(spawned);
        launched.push_back(at_once.total);
        after_go.push_back(held.after_go);
    }

    std::printf("%-40s %8s %8s\n", "microseconds until the exec is confirmed", "median", "p90");
    const double base = print_row("posix_spawn", direct);
    const double ours = print_row("svc-launch", launched);
    print_row("svc-launch, from a late GO on", after_go);
    std::printf("svc-launch adds %.0f us to the median of %d launches (ratio %.2f)\n", ours - base,
                launches, ours / base);
}
