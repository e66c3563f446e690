// ChildTable: who is to be told when a child ends.
#pragma once

#include "os/process.h"

#include <functional>
#include <map>

namespace svc::daemon {

/// A child is known here from its spawn until it is reaped. Children that nobody expects are
/// orphans of workers that came to us (subreaper, or process 1 of a container): they are only
/// reaped.
class ChildTable {
public:
    /// Called while the child is still a zombie: its number, and that of its process group, can be
    /// nobody else's yet, so this is the last moment at which its group may be killed by number.
    using Ended = std::function<void(const os::Ended&)>;

    void expect(pid_t pid, Ended ended) { expected_[pid] = std::move(ended); }
    /// It will only be reaped.
    void forget(pid_t pid) { expected_.erase(pid); }
    /// Handles every child that has ended: one SIGCHLD may stand for many (signal(7)).
    void collect();

private:
    std::map<pid_t, Ended> expected_;
};

} // namespace svc::daemon
