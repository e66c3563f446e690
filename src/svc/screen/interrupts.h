// Signals as something to wait for.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <initializer_list>

namespace svc::cli {

/// From its making on SIGINT and SIGTERM do not end the program any more: the fd becomes readable. So it does for
/// what whoever draws on a terminal must know: its size changed (SIGWINCH), or the program was stopped for a while
/// and others wrote to it (SIGCONT).
class Interrupts {
public:
    static Result<Interrupts> make() { return make({}); }
    /// `more`: signals that are to be told, too.
    static Result<Interrupts> make(std::initializer_list<int> more);
    /// After a SIGTSTP was told: stops as it does by itself, and returns when the shell lets us go on.
    static void stop();
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// The number of the signal that came. Only once fd() is readable.
    [[nodiscard]] int take() const;
    /// What a shell expects of a program that a signal ended: 130 after SIGINT, 143 after SIGTERM.
    static int exit_status(int signal) { return 128 + signal; }
    static bool ends(int signal);

private:
    explicit Interrupts(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

} // namespace svc::cli
