// What workers and commands share.
#pragma once

#include "os/process.h"
#include "rollout/state.h"

namespace svc::daemon {

rollout::ExitStatus exit_status_of(const os::Ended& ended);

} // namespace svc::daemon
