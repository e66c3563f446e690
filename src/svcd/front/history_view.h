// What can be said of the revisions, those in the state and those on disk.
#pragma once

#include "svcd/front/timeline_recorder.h"
#include "svcd/host/history/executables.h"
#include "svcd/host/history/history.h"
#include "wire/control.h"

namespace svc::daemon {

struct HistoryView {
    const rollout::State& state;
    const History& history;
    const Executables& executables;
};

/// The revision that `svc undo` goes back to unless told otherwise, or an error that says why there is
/// none. While a rollout progresses: the one that it started from (an undo to it takes the rollout back,
/// and makes no revision).
Result<rollout::RevisionNumber> default_undo(const HistoryView& view);
/// In the state, which has it even when the disk was full, else on disk.
HistoryEntry find_revision(const HistoryView& view, rollout::RevisionNumber number);

wire::HistoryReply list_revisions(const HistoryView& view);
/// `number` 0: the serving one.
Result<wire::RevisionReply> show_revision(const HistoryView& view, rollout::RevisionNumber number);
/// `to` 0: the serving one.
Result<wire::DiffReply> diff_revisions(const HistoryView& view, rollout::RevisionNumber from,
                                       rollout::RevisionNumber to);
/// How the rollout of `number` went; 0: the one under way, else the last one.
Result<wire::Timeline> show_timeline(const HistoryView& view, const TimelineRecorder& timelines,
                                     rollout::RevisionNumber number, Instant now);
/// What a reload would change: `now` is what the service file was loaded as.
Result<wire::DiffReply> diff_with_file(const rollout::State& state, const rollout::Revision& now);

} // namespace svc::daemon
