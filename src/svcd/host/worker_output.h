// WorkerOutput: one worker's stdout and stderr, and what is known of its last lines.
#pragma once

#include "rollout/revision.h"
#include "svcd/host/children/launching.h"
#include "svcd/host/hooks/launch_plan.h"
#include "svcd/host/output/journal_reading.h"
#include "svcd/host/output/output_relay.h"
#include "wire/ledger.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace svc::daemon {

struct HostContext;

/// What holds for every worker: what our own stderr is, and what was told already.
class OutputPlaces {
public:
    OutputPlaces();
    /// Which of the other places `automatic` is, here.
    [[nodiscard]] rollout::LogOutput chosen(const rollout::Spec& spec) const;
    std::unique_ptr<OutputPlace> make(HostContext& context, const rollout::Revision& revision,
                                      std::uint32_t replica);
    LogFiles files;
    bool journal_missed = false;        ///< told; until it is there again
    bool journal_shows_nothing = false; ///< of what was written there; until it does

private:
    bool stderr_is_journal_;
    bool stderr_is_terminal_;
    bool color_;
};

/// nothing ─ open() → passing: a pipe, its read end in the fd store, an OutputRelay
///    │         ├→ journal: a stream of journald's own. Nothing of it passes through us; we hold a copy of the
///    │         │           fd, and it is in the fd store, to write how the worker ended as the stream's last
///    │         │           line: what stands before that line in the journal is all that there is
///    │         └→ inherited: the fds are our own
///    └ take_over(): what an earlier supervisor opened
///
/// What was opened stays what it is for the worker's life: a reload that changes [log] is for the workers that it
/// starts. A journal that cannot be reached never keeps a worker from its start: it passes then, and that is told.
class WorkerOutput {
public:
    explicit WorkerOutput(HostContext& context) : context_(context) {}

    Result<void> open(const rollout::Revision& revision, std::uint32_t replica,
                      LaunchParcel& parcel, WorkerPlace& place);
    Result<void> take_over(UniqueFd pipe, UniqueFd journal, const rollout::Revision& revision,
                           std::uint32_t replica, const wire::WorkerRecord& left);
    void note(wire::WorkerRecord& record) const;
    /// Names of the fd store (kept_names.h), and the fds: -1 for what there is not.
    [[nodiscard]] std::vector<std::pair<std::string_view, int>> fds() const;

    /// The worker has ended. lines() is complete then, unless they are in the journal.
    void drain();
    /// What is known of the last lines, or where they are.
    [[nodiscard]] std::vector<std::string> lines() const;
    /// They are in the journal, and can be asked for.
    [[nodiscard]] bool can_read_back() const { return static_cast<bool>(journal_); }
    /// Asks the journal, with a bound, and calls `then` once, from the loop; lines() has them afterwards. `last`:
    /// what is written there as the last line; no other worker's may be the same.
    void read_back(const std::string& last, std::function<void()> then);
    /// What still comes of its descendants is passed on.
    void close();

private:
    Result<void> open_pipe(const rollout::Revision& revision, std::uint32_t replica,
                           LaunchParcel& parcel, WorkerPlace& place, bool both);
    bool open_journal(const rollout::Revision& revision, std::uint32_t replica,
                      LaunchParcel& parcel, WorkerPlace& place);

    HostContext& context_;
    std::unique_ptr<OutputRelay> relay_;
    UniqueFd journal_;
    std::string identifier_; ///< in the journal
    std::unique_ptr<JournalReading> reading_;
    std::vector<std::string> lines_; ///< read back
    bool read_back_ = false;
};

/// "web.r7.2": what `journalctl -t` finds a worker's lines by.
std::string journal_identifier(std::string_view service, std::uint64_t revision,
                               std::uint32_t replica);

} // namespace svc::daemon
