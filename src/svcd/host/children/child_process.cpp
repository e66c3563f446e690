#include "svcd/host/children/child_process.h"

namespace svc::daemon {

rollout::ExitStatus exit_status_of(const os::Ended& ended) {
    rollout::ExitStatus status;
    status.kind =
        ended.signaled ? rollout::ExitStatus::Kind::signal : rollout::ExitStatus::Kind::code;
    status.value = ended.value;
    status.core_dumped = ended.core_dumped;
    return status;
}

} // namespace svc::daemon
