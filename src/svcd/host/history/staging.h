// Staging: what a revision needs from the disk before its rollout, without holding the event loop up.
// Files are read, copied and written to disk by children of ours (FileJob), one after the other.
#pragma once

#include "svcd/host/children/file_job.h"
#include "svcd/host/history/executables.h"
#include "svcd/host/history/history.h"

namespace svc::daemon {

/// Reads what Executables::find() has to compare for a revision.
class ContentReader {
public:
    /// Null: there is nothing to read. `done` is called once, from the loop, and may destroy it.
    static std::unique_ptr<ContentReader> start(boost::asio::io_context& io,
                                                Executables& executables,
                                                const rollout::Revision& revision,
                                                std::function<void()> done);

private:
    ContentReader(boost::asio::io_context& io, Executables& executables,
                  const rollout::Revision& revision, std::function<void()> done)
        : io_(io), executables_(executables), revision_(revision), done_(std::move(done)) {}
    void read(UnreadFile file);

    boost::asio::io_context& io_;
    Executables& executables_;
    const rollout::Revision& revision_;
    std::function<void()> done_;
    int files_left_ = 8; ///< one that changes all the time is not read for ever
    std::optional<UnreadFile> file_;
    std::unique_ptr<FileJob> job_;
};

/// The same for a coroutine. `revision` must outlive it.
boost::asio::awaitable<void> read_contents(boost::asio::io_context& io, Executables& executables,
                                           const rollout::Revision& revision);

/// Fills in the digests of a revision that has none yet, of files that are still what it says.
boost::asio::awaitable<void> take_digests(boost::asio::io_context& io, Executables& executables,
                                          rollout::Revision& revision);

/// Everything of a revision in the history but its name. `executable`: a fd to keep a copy of; -1: none.
boost::asio::awaitable<StagedRevision> stage_revision(boost::asio::io_context& io,
                                                      const History& history,
                                                      const rollout::Revision& revision,
                                                      int executable);

} // namespace svc::daemon
