// Executables: the files that workers are executed from, held open.
#pragma once

#include "rollout/state.h"
#include "svcd/host/history/contents.h"
#include "svcd/host/history/executable_choice.h"
#include "svcd/host/history/history.h"
#include "svcd/host/survival/fd_store.h"

#include "base/unique_fd.h"

#include <map>

namespace svc::daemon {

/// A file whose content decides whether it is the old one, and that was not read yet.
struct UnreadFile {
    std::string path;
    os::FileStat stat;
    UniqueFd fd;
};

/// One fd for each revision that the state knows: of the serving one and the one before, of a candidate,
/// and of those that still have workers. Only ELF files are held: nothing else can be executed by a fd
/// that the worker does not inherit.
class Executables {
public:
    Executables(const History& history, FdStore& store) : history_(history), store_(store) {}

    /// Takes what was opened when `revision` was made, which is to get this number. Empty: there is
    /// nothing to hold. What was overwritten since is not taken.
    void hold(rollout::RevisionNumber number, const rollout::Revision& revision, UniqueFd fd);
    /// Closes the fds of revisions that the state has dropped.
    void keep_only(const rollout::State& state);
    [[nodiscard]] int fd_of(rollout::RevisionNumber number) const;
    /// A worker that was started by this path runs: does a profile confine it? Profiles belong to paths.
    void note_started(const std::string& path, pid_t pid);

    struct Found {
        ExecutableSource source = ExecutableSource::path;
        UniqueFd fd; ///< close-on-exec; empty: the path is executed
    };
    /// What a worker of `revision` is to be executed from now; the error says what changed. It reads no
    /// file: what find_unread() would name counts as changed.
    [[nodiscard]] Result<Found> find(const rollout::Revision& revision) const;
    /// The next file that find() has to have read: one that was replaced by another of the same size. None,
    /// as a rule.
    [[nodiscard]] std::optional<UnreadFile> find_unread(const rollout::Revision& revision) const;
    /// Keeps the digest of a file that was just read, unless the file changed meanwhile; returns what is kept.
    std::string learn(const UnreadFile& file, std::string digest);
    [[nodiscard]] std::optional<std::string> known_content(const std::string& path,
                                                           const os::FileStat& stat) const {
        return contents_.find(path, stat);
    }

private:
    struct Held {
        UniqueFd fd;
        os::FileStat stat;
        std::string build_id;
    };
    /// Its own, or another revision's of the very same file; null: there is none.
    [[nodiscard]] const Held* held_for(const rollout::Revision& revision) const;
    [[nodiscard]] bool is_confined(const rollout::Revision& revision) const;
    [[nodiscard]] bool is_unchanged(const rollout::FileIdentity& then, const std::string& digest,
                                    const std::optional<os::FileStat>& now) const;
    [[nodiscard]] Result<UnreadFile> open_copy(const rollout::Revision& revision) const;
    [[nodiscard]] Result<UniqueFd> copy_of(const rollout::Revision& revision) const;

    const History& history_;
    FdStore& store_;
    Contents contents_;
    std::map<rollout::RevisionNumber, Held> held_;
    std::map<std::string, bool> confined_; ///< by path
};

} // namespace svc::daemon
