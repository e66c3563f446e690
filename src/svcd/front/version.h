// Which svcd this is.
#pragma once

#include <string_view>

namespace svc::daemon {

/// Ends with a NUL. Alone in its file, so that a program of another version (a test's) differs in nothing else.
extern const std::string_view program_version;

} // namespace svc::daemon
