// OutcomeWriter: how rollouts ended, on its way to the disk.
#pragma once

#include "svcd/host/children/file_job.h"
#include "svcd/host/history/history.h"

#include <deque>
#include <memory>

namespace svc::daemon {

/// Each is written by a child (FileJob), one after the other in the order in which they came:
///
///   write() → waits for those before it → being written → written() told
///
/// The file is replaced in one step, and a child dies with us: a kill at any moment leaves the outcome whole
/// or none.
class OutcomeWriter {
public:
    using Written = std::function<void(rollout::RevisionNumber, Result<void>)>;

    /// `written` is called once for each, from the loop or from finish(); where no child can be started, from
    /// write(), which then writes by itself.
    OutcomeWriter(boost::asio::io_context& io, const History& history, Written written);
    OutcomeWriter(const OutcomeWriter&) = delete;
    OutcomeWriter& operator=(const OutcomeWriter&) = delete;

    void write(rollout::RevisionNumber number, wire::StoredOutcome outcome);
    [[nodiscard]] bool is_idle() const { return queue_.empty(); }
    [[nodiscard]] bool writes(rollout::RevisionNumber number) const;
    /// Blocks until all are written, for as long as the disk takes.
    void finish();

private:
    struct Entry {
        rollout::RevisionNumber number = 0;
        wire::StoredOutcome outcome;
    };
    void start_next();
    void handle_written(Result<void> result);

    boost::asio::io_context& io_;
    const History& history_;
    Written written_;
    std::deque<Entry> queue_; ///< the first one is being written
    std::unique_ptr<FileJob> job_;
};

} // namespace svc::daemon
