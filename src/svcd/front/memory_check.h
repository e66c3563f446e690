// Whether there is memory for the workers that a rollout starts beside the old ones. Pure.
#pragma once

#include "rollout/state.h"

namespace svc::daemon {

struct MemoryNow {
    std::uint64_t used = 0;                 ///< bytes, by all workers together
    std::optional<std::uint64_t> available; ///< bytes; none: the kernel does not tell
};

/// Why it is too little, in a sentence; empty: it is enough, or nobody can tell. What a new worker will
/// use is what one uses now, on average: of a first revision nothing is known.
std::string why_too_little_memory(const rollout::State& state, const rollout::Revision& candidate,
                                  const MemoryNow& now);

} // namespace svc::daemon
