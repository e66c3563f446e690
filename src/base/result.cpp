#include "base/result.h"

#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace svc {

std::string error_text(int errno_value) {
    return ::strerror(errno_value);
}

Error system_error(std::string what, int errno_value) {
    what += ": ";
    what += error_text(errno_value);
    return Error{std::move(what), errno_value};
}

void fatal(std::string_view broken_invariant) {
    std::string line = "svc: internal error: ";
    line += broken_invariant;
    line += '\n';
    // The process ends in the next line: there is nobody left to handle a failed write.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    std::abort();
}

} // namespace svc
