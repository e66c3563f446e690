#include "svcd/host/watching/probe_counter.h"

#include <utility>

namespace svc::daemon {

std::optional<ProbeCounter::Said> ProbeCounter::succeeded() {
    failures_ = 0;
    if (standing_ == Standing::passing || ++successes_ < success_threshold_)
        return std::nullopt;
    standing_ = Standing::passing;
    reason_.clear();
    return Said{rollout::ProbeVerdict::passed, {}};
}

std::optional<ProbeCounter::Said> ProbeCounter::failed(std::string detail) {
    successes_ = 0;
    if (standing_ == Standing::failing)
        return std::nullopt;
    ++failures_;
    if (failure_threshold_ != 0 && failures_ >= failure_threshold_) {
        standing_ = Standing::failing;
        return Said{rollout::ProbeVerdict::failed, std::move(detail)};
    }
    if (failure_threshold_ == 0)
        failures_ = 0; // nothing that could be reached, nor overflow
    if (detail == reason_)
        return std::nullopt;
    reason_ = detail;
    return Said{rollout::ProbeVerdict::failing, std::move(detail)};
}

} // namespace svc::daemon
