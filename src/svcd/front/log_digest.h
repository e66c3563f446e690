// What of a step's events is worth a line in the log: one line for what one failure is told by.
#pragma once

#include "rollout/event.h"

#include <vector>

namespace svc::daemon {

/// A worker that fails is told of by several events, for those who follow them: that it ended, that it is
/// retired, when the next try is, that its revision is taken back. Those of one step that say nothing but what
/// another of them says too, with more besides, are left out. Pure; the order stays.
std::vector<rollout::Event> without_repeats(std::vector<rollout::Event> told);

} // namespace svc::daemon
