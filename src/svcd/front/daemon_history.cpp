// The daemon's looks at what was: revisions and timelines.
#include "svcd/front/daemon.h"

#include "os/clock.h"

#include <spdlog/spdlog.h>

namespace svc::daemon {

HistoryView Daemon::history_view() const {
    return HistoryView{state(), host_->history(), host_->executables()};
}

wire::HistoryReply Daemon::history() const {
    return list_revisions(history_view());
}

Result<wire::RevisionReply> Daemon::revision(rollout::RevisionNumber number) const {
    return show_revision(history_view(), number);
}

Result<wire::DiffReply> Daemon::diff(rollout::RevisionNumber from,
                                     rollout::RevisionNumber to) const {
    return diff_revisions(history_view(), from, to);
}

Result<wire::Timeline> Daemon::timeline(rollout::RevisionNumber number) const {
    return show_timeline(history_view(), timelines_, number, os::now());
}

void Daemon::store(const wire::Timeline& timeline) {
    if (auto stored = host_->history().write_timeline(timeline); !stored)
        spdlog::warn("the timeline of revision {} is not kept: {}", timeline.revision,
                     stored.error().message);
}

} // namespace svc::daemon
