#include "svc/interrupts.h"

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
    // Blocked first: a signal that comes in between waits for the fd (signalfd(2)).
    if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
        return system_error("cannot block signals", errno);
    UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return system_error("cannot make a signalfd", errno);
    return Interrupts(std::move(fd));
}

int Interrupts::exit_status() const {
    signalfd_siginfo info{};
    const bool known = ::read(fd_.get(), &info, sizeof info) == sizeof info;
    return 128 + static_cast<int>(known ? info.ssi_signo : SIGINT);
}

} // namespace svc::cli
