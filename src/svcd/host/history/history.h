// History: the revisions on disk, STATE_DIR/revisions/N, one directory each.
#pragma once

#include "base/unique_fd.h"
#include "os/durable.h"
#include "os/file_work.h"
#include "wire/codec.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace svc::daemon {

/// The number that a directory's name stands for; nothing else is a revision. Pure.
std::optional<rollout::RevisionNumber> revision_of_name(std::string_view name);
/// Which of `numbers` (rising) go, so that `limit` are left: the oldest, and none of `kept`. Pure.
std::vector<rollout::RevisionNumber> surplus(const std::vector<rollout::RevisionNumber>& numbers,
                                             std::size_t limit,
                                             const std::set<rollout::RevisionNumber>& kept);

/// What one directory says.
struct HistoryEntry {
    rollout::RevisionNumber number = 0;
    std::optional<rollout::Revision> revision;  ///< complete and startable
    std::optional<wire::StoredOutcome> outcome; ///< none: its supervisor ended before
    bool copied = false;                        ///< it has a copy of its executable
    std::string unreadable;                     ///< why `revision` is not there
    [[nodiscard]] bool completed() const {
        return revision && outcome && outcome->verdict == rollout::Verdict::complete;
    }
};

/// A revision on its way into the history.
struct StagedRevision {
    std::optional<os::NewDirectory> directory; ///< none: it could not be written
    std::optional<Error> problem;              ///< what is not there, or not as it should be
};

/// A directory is there whole or not at all:
///
///   stage(): .new-N ─ revision.json, service.toml, executable ─ on disk ─ begin(): rename → N
///                                                                      end(): outcome.json → N
///   timeline.json, when its rollout ended, and again when the last old worker is gone → N
///
/// What may take long is between stage() and begin(), and at end(); it is done by staging.h and
/// outcome_writer.h without holding us up.
/// Policy never waits for it and never fails from it: every error is the caller's to report, and what
/// cannot be written is not there. What is read was written by an earlier supervisor, or by a mistake:
/// bounded, checked, and an entry that is broken is an entry that says so.
class History {
public:
    explicit History(std::string state_dir) : directory_(std::move(state_dir) + "/revisions") {}

    /// Makes the directory and removes what a killed supervisor left half done.
    Result<void> open();
    /// Its files, written but not on disk. It has its number already.
    [[nodiscard]] Result<os::NewDirectory> stage(const rollout::Revision& revision) const;
    /// Gives it its name. The error is the first thing that went wrong with it, if any.
    Result<void> begin(StagedRevision staged);
    /// Takes as long as the disk takes.
    Result<void> end(rollout::RevisionNumber number, const wire::StoredOutcome& outcome) const;
    /// The same, done by a child.
    [[nodiscard]] Result<os::FileWork> start_end(rollout::RevisionNumber number,
                                                 const wire::StoredOutcome& outcome) const;
    Result<void> write_timeline(const wire::Timeline& timeline);

    [[nodiscard]] std::vector<rollout::RevisionNumber> numbers() const; ///< rising
    [[nodiscard]] HistoryEntry read(rollout::RevisionNumber number) const;
    /// ENOENT: none was recorded.
    [[nodiscard]] Result<wire::Timeline> read_timeline(rollout::RevisionNumber number) const;
    /// The newest one below `below` that completed and can be read.
    [[nodiscard]] std::optional<HistoryEntry> last_completed(rollout::RevisionNumber below) const;
    /// The copy of its executable.
    [[nodiscard]] Result<UniqueFd> open_copy(rollout::RevisionNumber number) const;

    static constexpr const char* copy_file = "executable"; ///< in the directory of a revision

    /// Drops the oldest ones beyond `limit`, but none of `kept` and neither of the two that completed
    /// last.
    Result<void> trim(std::size_t limit, std::set<rollout::RevisionNumber> kept);

private:
    [[nodiscard]] std::string place_of(rollout::RevisionNumber number) const {
        return directory_ + "/" + std::to_string(number);
    }

    std::string directory_;
};

} // namespace svc::daemon
