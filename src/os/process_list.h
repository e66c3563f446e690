// Which processes there are, by what their environment says (proc(5)).
#pragma once

#include "base/unique_fd.h"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace svc::os {

struct FoundProcess {
    pid_t pid = 0;
    UniqueFd pidfd;
    std::string value; ///< what follows `prefix`
};
/// The processes whose environment at their exec had an entry that begins with `prefix`
/// ("NOTIFY_SOCKET=/run/svc/web/notify/"), zombies and ourselves excepted. Only of those that we may look at:
/// of our own user, or all for root. The pidfd was opened before the look, so it is that process's.
/// One that is in the middle of an exec is waited for, all of them together for 0.2 s.
std::vector<FoundProcess> find_processes(std::string_view prefix);

} // namespace svc::os
