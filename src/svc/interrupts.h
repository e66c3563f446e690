// SIGINT and SIGTERM as something to wait for.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace svc::cli {

/// From its making on the two signals do not end the program any more: their fd becomes readable.
class Interrupts {
public:
    static Result<Interrupts> make();
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// 130 after SIGINT, 143 after SIGTERM: what a shell expects. Only once fd() is readable.
    [[nodiscard]] int exit_status() const;

private:
    explicit Interrupts(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

} // namespace svc::cli
