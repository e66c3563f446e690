// The supervisor that svc serves when systemd runs it for the supervisor's own unit.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>

namespace svc::cli {

/// As ExecReload= of svcd@SERVICE.service svc must not outlive the supervisor that it speaks to: systemd starts
/// no new one before the reload's process has ended, and a call that waits in the control socket, which stays
/// open in the store of fds, would wait for that new one.
///
/// A pidfd of that supervisor (MAINPID, systemd.exec(5)); empty where svc is called by anybody else. The error
/// is ESRCH: it is dead already.
Result<UniqueFd> watch_own_supervisor(const std::string& service);

} // namespace svc::cli
