#include "svcd/host/child_process.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace svc::daemon {

rollout::ExitStatus exit_status_of(const os::Ended& ended) {
    rollout::ExitStatus status;
    status.kind =
        ended.signaled ? rollout::ExitStatus::Kind::signal : rollout::ExitStatus::Kind::code;
    status.value = ended.value;
    status.core_dumped = ended.core_dumped;
    return status;
}

Result<OutputPipe> make_output_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("cannot make a pipe for the output of a process", errno);
    OutputPipe pipe;
    pipe.read_end.reset(ends[0]);
    pipe.write_end.reset(ends[1]);
    return pipe;
}

} // namespace svc::daemon
