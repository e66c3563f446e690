#include "svc/screen/interrupts.h"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace svc::cli {

Result<Interrupts> Interrupts::make(std::initializer_list<int> more) {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    // Ignored by default, and delivered all the same while they are blocked (signal(7)).
    ::sigaddset(&signals, SIGWINCH);
    ::sigaddset(&signals, SIGCONT);
    for (const int signal : more)
        ::sigaddset(&signals, signal);
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

void Interrupts::stop() {
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, SIGTSTP);
    // Where there is no shell that could let us go on (an orphaned process group) the kernel passes it over
    // (signal(7)). Taken when it is unblocked, not later.
    ::raise(SIGTSTP);
    ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
    ::sigprocmask(SIG_BLOCK, &only, nullptr);
}

bool Interrupts::ends(int signal) {
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

} // namespace svc::cli
