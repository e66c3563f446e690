// Why an execve(2) failed, in words: its errno says little, and the same one stands for many
// causes.
#pragma once

#include "base/result.h"
#include "wire/launch_order.h"

namespace svc::launch {

/// Looks at the files as the process is now, that is, as the worker's user. `error` is errno.
Error explain_exec_failure(const wire::LaunchOrder& order, int error);

/// The text without control characters: what a file says about its interpreter ends up on a
/// terminal.
std::string harmless(std::string text);

} // namespace svc::launch
