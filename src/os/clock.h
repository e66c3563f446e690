#pragma once

#include "base/time.h"

#include <string>

namespace svc::os {

Instant now();       ///< CLOCK_MONOTONIC
WallTime wall_now(); ///< CLOCK_REALTIME
/// "2026-11-22 02:08:09" in the local time zone.
std::string local_time_text(WallTime time);

} // namespace svc::os
