// A file that is appended to.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>
#include <sys/types.h>

namespace svc::os {

/// Opens a regular file for move_to_end() and append(), makes it with exactly this mode if there is none. A symbolic
/// link, a fifo or a device is an error: what a worker may put into the directory must not lead root elsewhere.
Result<UniqueFd> open_log_file(const std::string& path, mode_t mode);

} // namespace svc::os
