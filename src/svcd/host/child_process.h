// Small pieces that workers and commands share.
#pragma once

#include "os/process.h"
#include "rollout/state.h"

namespace svc::daemon {

rollout::ExitStatus exit_status_of(const os::Ended& ended);

struct OutputPipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
/// Close-on-exec, both ends blocking: O_NONBLOCK of the write end would be the worker's.
Result<OutputPipe> make_output_pipe();

} // namespace svc::daemon
