// EventLog: the service's story, its newest part, and who listens to it.
#pragma once

#include "rollout/event.h"
#include "svcd/front/wakeup.h"

#include <deque>
#include <map>
#include <vector>

namespace svc::daemon {

inline constexpr std::size_t events_kept = 1000;

/// Events in the order they happened, numbered from 1, the newest 1,000 of them. Readers keep a
/// cursor (the sequence number they saw last) and a subscription: nothing is queued per reader, so
/// a slow one costs nothing and learns from a gap in the numbers what it missed.
class EventLog {
public:
    /// Stamps sequence number and time; wakes every subscriber. Returns the stamped event.
    const rollout::Event& append(rollout::Event event, WallTime at);
    /// Those of an earlier supervisor, in their order, before any of ours: the numbers go on.
    void take_over(const std::map<std::uint64_t, rollout::Event>& earlier);
    /// Wakes every subscriber: the state changed without an event.
    void wake_all();

    [[nodiscard]] std::uint64_t newest() const { return next_ - 1; }
    /// The first kept event with a number above `seen`, or null. Valid until the next append().
    [[nodiscard]] const rollout::Event* after(std::uint64_t seen) const;

    /// While it lives, `wakeup` is notified of every append.
    class Subscription {
    public:
        Subscription(EventLog& log, Wakeup& wakeup);
        ~Subscription();
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

    private:
        EventLog& log_;
        Wakeup& wakeup_;
    };

private:
    std::deque<rollout::Event> events_;
    std::uint64_t next_ = 1;
    std::vector<Wakeup*> subscribers_;
};

} // namespace svc::daemon
