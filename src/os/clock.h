#pragma once

#include "base/time.h"

namespace svc::os {

Instant now();       ///< CLOCK_MONOTONIC
WallTime wall_now(); ///< CLOCK_REALTIME

} // namespace svc::os
