#include "svcd/front/log_digest.h"

#include <algorithm>
#include <string_view>

namespace svc::daemon {

namespace {

using rollout::Event;
using rollout::EventKind;

bool is_about_a_failure(EventKind kind) {
    return kind == EventKind::worker_exited || kind == EventKind::worker_retired ||
           kind == EventKind::probe_failed || kind == EventKind::hook_failed ||
           kind == EventKind::worker_restarting || kind == EventKind::rollout_rolling_back ||
           kind == EventKind::rollout_paused;
}

/// "r7-1: " stands in it, and is not the end of another name.
bool names(std::string_view text, std::string_view worker) {
    const std::string mark = std::string(worker) + ": ";
    for (std::size_t at = text.find(mark); at != std::string_view::npos;
         at = text.find(mark, at + 1))
        if (at == 0 || text[at - 1] == ' ')
            return true;
    return false;
}

/// Who reads `other` learns all that `event` says.
bool says_it_too(const Event& other, const Event& event) {
    if (other.text.find(event.text) == std::string::npos)
        return false;
    if (event.worker_name.empty())
        return other.revision == event.revision && other.kind == EventKind::rollout_ended;
    return other.worker_name == event.worker_name || names(other.text, event.worker_name);
}

} // namespace

std::vector<Event> without_repeats(std::vector<Event> told) {
    std::vector<Event> kept;
    for (auto event = told.begin(); event != told.end(); ++event) {
        // The later one says more: how it went on.
        const bool repeated = is_about_a_failure(event->kind) &&
                              std::any_of(std::next(event), told.end(), [&](const Event& other) {
                                  return says_it_too(other, *event);
                              });
        if (!repeated)
            kept.push_back(*event);
    }
    return kept;
}

} // namespace svc::daemon
