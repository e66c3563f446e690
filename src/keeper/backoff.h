// Backoff: how long to wait before a supervisor that died is started again.
#pragma once

#include "base/time.h"

#include <algorithm>

namespace svc::keeper {

/// At once, then 100 ms, doubling up to 5 s; from the beginning after one that ran for 10 s. It grows only
/// for those that never came to serve: after one that did it is 100 ms at most.
class Backoff {
public:
    Duration after(Duration ran, bool was_ready) {
        using namespace std::chrono_literals;
        if (was_ready)
            next_ = std::min<Duration>(next_, 100ms);
        if (ran >= 10s)
            next_ = Duration::zero();
        const Duration wait = next_;
        next_ = next_ == Duration::zero() ? Duration(100ms) : std::min<Duration>(2 * next_, 5s);
        return wait;
    }

private:
    Duration next_{};
};

} // namespace svc::keeper
