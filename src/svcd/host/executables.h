// Executables: the files that workers are executed from, held open.
#pragma once

#include "rollout/state.h"
#include "svcd/host/executable_choice.h"
#include "svcd/host/history.h"

#include "base/unique_fd.h"

#include <map>

namespace svc::daemon {

/// One fd for each revision that the state knows: of the serving one and the one before, of a candidate,
/// and of those that still have workers. Only ELF files are held: nothing else can be executed by a fd
/// that the worker does not inherit.
class Executables {
public:
    explicit Executables(const History& history) : history_(history) {}

    /// Takes what was opened when `revision` was made, which is to get this number. Empty: there is
    /// nothing to hold. What was overwritten since is not taken.
    void hold(rollout::RevisionNumber number, const rollout::Revision& revision, UniqueFd fd);
    /// Closes the fds of revisions that the state has dropped.
    void keep_only(const rollout::State& state);
    [[nodiscard]] int fd_of(rollout::RevisionNumber number) const;
    /// A worker that was started by its path runs: does a profile confine it?
    void note_started(rollout::RevisionNumber number, pid_t pid);

    struct Found {
        ExecutableSource source = ExecutableSource::path;
        UniqueFd fd; ///< close-on-exec; empty: the path is executed
    };
    /// What a worker of `revision` is to be executed from now; the error says what changed.
    [[nodiscard]] Result<Found> find(const rollout::Revision& revision) const;

private:
    struct Held {
        UniqueFd fd;
        os::FileStat stat;
        std::string build_id;
    };
    /// Its own, or another revision's of the very same file; null: there is none.
    [[nodiscard]] const Held* held_for(const rollout::Revision& revision) const;
    [[nodiscard]] Result<UniqueFd> copy_of(const rollout::Revision& revision) const;

    const History& history_;
    std::map<rollout::RevisionNumber, Held> held_;
    std::map<rollout::RevisionNumber, bool> confined_;
};

} // namespace svc::daemon
