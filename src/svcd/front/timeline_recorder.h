// TimelineRecorder: what each worker of a rollout did, and when, as it happens.
#pragma once

#include "rollout/event.h"
#include "wire/timeline.h"

#include <deque>
#include <functional>
#include <map>
#include <set>

namespace svc::daemon {

/// One record a rollout:
///
///   (a rollout is in the state) → recording ─ its verdict → ended: stored ─┬─ nobody is left to go → closed: stored
///                                                                          └─ crowded out → closed: stored
///
/// While it is recording, every worker that is launched gets a row, and those that were there when it began have
/// theirs; from its end on only what becomes of those that leave is noted. A rollout can end long before its old
/// workers have drained, and the next one can begin meanwhile: some records are open at a time.
///
/// It works for a look at the state and an event at a time, in constant time for each, and decides nothing. What
/// happened before it first saw a rollout it takes from the state, which has the instants of every worker that is
/// still there.
class TimelineRecorder {
public:
    /// Called when a record is to be kept: at the verdict, and again when it closes.
    using Store = std::function<void(const wire::Timeline&)>;
    explicit TimelineRecorder(Store store) : store_(std::move(store)) {}

    /// `state` as it is after the event. `wall`: the time of day at `now`.
    void happened(const rollout::Event& event, const rollout::State& state, Instant now,
                  WallTime wall);
    void settled(const rollout::State& state, Instant now, WallTime wall);

    /// A record that is open, as of `now`, or the one that closed last: a full disk does not lose it at once.
    [[nodiscard]] std::optional<wire::Timeline> find(rollout::RevisionNumber revision,
                                                     Instant now) const;

private:
    struct Record {
        wire::Timeline timeline;
        Instant began{};
        bool ended = false;
        bool stored = false;                           ///< once, since it ended
        std::map<rollout::WorkerId, std::size_t> rows; ///< of those that have not ended
        std::set<rollout::WorkerId> leaving;           ///< of `rows`, once it has ended
    };
    void begin_if_new(const rollout::State& state, WallTime wall, Instant now);
    static void add_row(Record& record, const rollout::Worker& worker);
    static void note(Record& record, const rollout::Event& event, const rollout::State& state,
                     Instant now);
    static void note_end(Record& record, const rollout::Event& event, const rollout::State& state);
    void close(Record& record, Instant now);

    Store store_;
    std::deque<Record> open_; ///< oldest first; only the last one may be recording
    std::optional<wire::Timeline> closed_;
    rollout::RevisionNumber newest_ = 0; ///< that had a record
};

} // namespace svc::daemon
