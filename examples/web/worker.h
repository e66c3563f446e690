// What a worker says: to its supervisor, to the person who reads its log, to a measurement.
#pragma once

#include "fd.h"

#include <string>
#include <string_view>

namespace web {

/// Writes "example-web: MESSAGE" to stderr and exits with status 1. Before READY=1 this is all that
/// a worker has to do to make its rollout fail: the supervisor sees the exit at once, keeps the old
/// version serving and shows the last lines of stderr to whoever asked for the reload.
[[noreturn]] void fail(const std::string& message);
/// The same, with errno's text.
[[noreturn]] void fail_errno(const std::string& attempted);

/// The supervisor's ear: sd_notify(3) in thirty lines, for programs that do not link libsystemd.
class Supervisor {
public:
    /// Takes NOTIFY_SOCKET out of the environment, so that no child of ours speaks for us.
    Supervisor();
    /// Sends one datagram of KEY=VALUE lines. Without a supervisor it does nothing.
    void tell(std::string_view message) const;

private:
    std::string path_; ///< empty: nobody listens
};

/// `--timeline FILE`: appends "PID EVENT MICROSECONDS" (CLOCK_MONOTONIC) at the turning points of
/// this worker's life, so that a benchmark can tell the supervisor's time from the worker's own.
class Timeline {
public:
    explicit Timeline(const std::string& path); ///< empty: record nothing
    void record(std::string_view event) const;

private:
    Fd file_;
};

} // namespace web
