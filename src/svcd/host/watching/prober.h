// Prober: puts one question to one worker, again and again.
#pragma once

#include "svcd/host/children/loop.h"
#include "svcd/host/watching/probe_counter.h"
#include "svcd/host/watching/probe_place.h"

namespace svc::daemon {

/// waiting (initial_delay, later interval) ─ time → trying ─ an answer, or the timeout → waiting, or over
///
/// A try that failed in itself (no such program, a place that cannot be) is a failed try. Destroying the
/// object ends a try that is under way, and nothing is reported any more.
class Prober {
public:
    using Report = std::function<void(rollout::ProbeVerdict, std::string detail)>;
    /// until_decided: over at the first `passed` or `failed`. for_ever: it begins as passing, and tells
    /// each change.
    enum class Asks { until_decided, for_ever };

    /// `target` is asked at each try: the main process may be another one by then.
    Prober(HostContext& context, rollout::ProbeSpec spec, Asks asks,
           std::function<ProbeTarget()> target, Report report);
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

private:
    void wait(Duration time);
    void try_once();
    std::unique_ptr<RunningHook> start(ProbeTarget target, std::function<void(HookVerdict)> ended);
    void handle_end(HookVerdict verdict);

    HostContext& context_;
    rollout::ProbeSpec spec_;
    Asks asks_;
    std::function<ProbeTarget()> target_;
    Report report_;
    ProbeCounter counter_;
    Alarm alarm_; ///< the next try, or the end of this one's time
    std::unique_ptr<RunningHook> running_;
};

} // namespace svc::daemon
