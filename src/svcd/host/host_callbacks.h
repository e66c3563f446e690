// HostCallbacks: what the mechanism tells the daemon.
#pragma once

#include "rollout/event.h"
#include "rollout/observation.h"
#include "rollout/state.h"

#include <functional>
#include <string>

namespace svc::daemon {

struct HostCallbacks {
    std::function<void(rollout::Observation)>
        observe; ///< records it and wakes the step (never steps inside)
    std::function<void(const rollout::Event&)> report;
    std::function<void(const rollout::State&)> settled;
    std::function<void()> publish;               ///< the state as it is, and the ledger
    std::function<void(int exit_status)> finish; ///< Action Finish
    std::function<void(const std::string& reason)> fall_back; ///< Action FallBack
    std::function<void(const std::string& text)> warn; ///< something that the daemon should log
    std::function<void()> recorded; ///< is_recorded() may answer otherwise than before
};

} // namespace svc::daemon
