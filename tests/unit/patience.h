// How long a test waits before it gives up, which says nothing of how long anything takes when all is well.
#pragma once

#include "base/time.h"

#include <chrono>

namespace svc::test {

inline constexpr std::chrono::seconds patience(60);
inline constexpr int patience_ms = 60'000; ///< for poll(2)

/// For a test in which a deadline passes, and something has to happen before it does: attempt(deadline) is true if it
/// did. On a busy machine it may not have, and there is another attempt, with a longer one. False: not even the
/// longest was enough.
template <class Attempt>
bool in_time(Attempt attempt) {
    using namespace std::chrono_literals;
    for (const Duration deadline : {Duration(300ms), Duration(3s), Duration(30s)})
        if (attempt(deadline))
            return true;
    return false;
}

} // namespace svc::test
