// Waiting callers: from a request that was accepted to its verdict.
#pragma once

#include "svcd/front/backend.h"
#include "svcd/front/call_handler.h"
#include "svcd/front/worker_news.h"

#include <optional>

namespace svc::daemon {

/// Follows one request on behalf of one caller: tells progress as events come (if the caller asked
/// for `more`) and sends the last reply. A caller that vanishes ends the waiting and nothing else.
///
/// A caller that reads too slowly gets fewer progress replies, never old ones: while its queue is
/// long, events are passed over; what became of the workers comes together in a later reply.
class Waiting {
public:
    Waiting(Backend& backend, Caller& caller, bool more);
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    /// What the verdict on a rollout that completes is to say besides.
    void remember(std::string note) { note_ = std::move(note); }

    /// Waits for the verdict on `revision`, or on what superseded it; then, if `drained`, until no
    /// worker of an older revision has a process (but for an old set that is kept warm), or no
    /// worker at all if a stop aborted it. A rollout that failed and was paused for that is a
    /// verdict, too: who knows when a person comes.
    boost::asio::awaitable<void> for_rollout(rollout::RevisionNumber revision, bool drained,
                                             std::vector<std::string> changed);
    /// Waits until `replicas` workers are available and no others live, for at most the time that
    /// a rollout may go without progress.
    boost::asio::awaitable<void> for_scale(std::uint32_t replicas,
                                           std::vector<std::string> changed);
    /// Waits for the end of the rollback to what was before `revision`.
    boost::asio::awaitable<void> for_abort(rollout::RevisionNumber revision);
    /// Waits until the replica's worker, which was to be replaced, is gone and another one is
    /// available; at most for the time that a rollout may go without progress.
    boost::asio::awaitable<void> for_replacement(std::uint32_t replica);
    /// Waits until every worker is gone.
    boost::asio::awaitable<void> for_stop();

    /// One reply about `revision`, with the numbers as they are now.
    [[nodiscard]] wire::Progress progress(std::string state, rollout::RevisionNumber revision,
                                          std::string text) const;
    /// The first reply to who joins a wait that others began: about `revision`, without a word.
    void join(rollout::RevisionNumber revision);
    /// The reply to a request that was accepted: the first of several, or the only one.
    void accept(wire::Progress progress, bool wait);
    void send(wire::Progress progress, bool last);
    void fail(std::string_view error, const std::string& message,
              const std::vector<std::string>& mistakes = {});

private:
    [[nodiscard]] wire::Progress progress(std::string state, std::string text) const {
        return progress(std::move(state), revision_, std::move(text));
    }
    /// What is new of workers, in replies without a text if no event took it along.
    void tell_workers(const std::string& state);
    /// The kind of the last event that was told.
    std::optional<rollout::EventKind> forward_events(const std::string& state);
    void tell_standstill(std::optional<rollout::EventKind> told);
    void send_paused();
    void send_verdict(const rollout::Outcome& outcome, std::vector<std::string> changed);
    [[nodiscard]] Duration patience() const;
    boost::asio::awaitable<std::optional<rollout::Outcome>> verdict();
    boost::asio::awaitable<void> until_drained();
    boost::asio::awaitable<void> until_finished();
    [[nodiscard]] std::string phase_name() const;
    /// What it waits for, as a call (method Follow).
    [[nodiscard]] std::optional<wire::VarlinkCall> continuation() const;

    Backend& backend_;
    Caller& caller_;
    bool more_;
    wire::FollowCall aim_; ///< with nothing set: it does not wait yet
    std::string note_;
    rollout::RevisionNumber revision_ = 0;
    std::uint64_t seen_;
    WorkerNews news_;
    std::string standstill_; ///< the last that was told
    EventLog::Subscription subscription_;
};

} // namespace svc::daemon
