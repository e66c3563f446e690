// ProbeCounter: what single tries of a probe come to. Pure.
#pragma once

#include "rollout/observation.h"

namespace svc::daemon {

/// undecided ─ success_threshold successes in a row → passing
///     └───── failure_threshold failures in a row ──→ failing        passing ⇄ failing, the same way
///
/// A try of the other kind begins the row anew. Nothing is said twice: `passed` and `failed` when it
/// becomes passing or failing, and before that `failing`, once for each new reason.
class ProbeCounter {
public:
    enum class Standing { undecided, passing, failing };
    struct Said {
        rollout::ProbeVerdict verdict;
        std::string detail;
    };
    explicit ProbeCounter(const rollout::ProbeSpec& spec, Standing standing = Standing::undecided)
        : success_threshold_(spec.success_threshold), failure_threshold_(spec.failure_threshold),
          standing_(standing) {}

    std::optional<Said> succeeded();
    std::optional<Said> failed(std::string detail);

private:
    std::uint32_t success_threshold_;
    std::uint32_t failure_threshold_; ///< 0: it never fails
    Standing standing_;
    std::uint32_t successes_ = 0; ///< in a row
    std::uint32_t failures_ = 0;
    std::string reason_; ///< of the last failure that was told
};

} // namespace svc::daemon
