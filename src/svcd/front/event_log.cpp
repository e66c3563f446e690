#include "svcd/front/event_log.h"

#include <algorithm>

namespace svc::daemon {

const rollout::Event& EventLog::append(rollout::Event event, WallTime at) {
    event.sequence = next_++;
    event.at = at;
    events_.push_back(std::move(event));
    if (events_.size() > events_kept)
        events_.pop_front();
    wake_all();
    return events_.back();
}

void EventLog::take_over(const std::map<std::uint64_t, rollout::Event>& earlier) {
    for (const auto& [sequence, event] : earlier) {
        // after() counts on it that no number is missing.
        if (!events_.empty() && sequence != next_)
            events_.clear();
        events_.push_back(event);
        events_.back().sequence = sequence;
        next_ = sequence + 1;
    }
}

void EventLog::wake_all() {
    for (Wakeup* subscriber : subscribers_)
        subscriber->notify();
}

const rollout::Event* EventLog::after(std::uint64_t seen) const {
    if (events_.empty() || seen >= newest())
        return nullptr;
    const std::uint64_t oldest = events_.front().sequence;
    return &events_[seen < oldest ? 0 : static_cast<std::size_t>(seen - oldest + 1)];
}

EventLog::Subscription::Subscription(EventLog& log, Wakeup& wakeup) : log_(log), wakeup_(wakeup) {
    log_.subscribers_.push_back(&wakeup_);
}

EventLog::Subscription::~Subscription() {
    const auto mine = std::find(log_.subscribers_.begin(), log_.subscribers_.end(), &wakeup_);
    if (mine != log_.subscribers_.end())
        log_.subscribers_.erase(mine);
}

} // namespace svc::daemon
