#include "svc/screen/interrupts.h"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace svc::cli {

Result<Interrupts> Interrupts::make() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    // Ignored by default, and delivered all the same while they are blocked (signal(7)).
    ::sigaddset(&signals, SIGWINCH);
    ::sigaddset(&signals, SIGCONT);
    // Blocked first: a signal that comes in between waits for the fd (signalfd(2)).
    if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
        return system_error("cannot block signals", errno);
    UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return system_error("cannot make a signalfd", errno);
    return Interrupts(std::move(fd));
}

int Interrupts::take() const {
    signalfd_siginfo info{};
    const bool known = ::read(fd_.get(), &info, sizeof info) == sizeof info;
    return known ? static_cast<int>(info.ssi_signo) : SIGINT;
}

bool Interrupts::ends(int signal) {
    return signal == SIGINT || signal == SIGTERM;
}

} // namespace svc::cli
