// What a verb writes to, and what svc ends with.
#pragma once

#include "svc/screen/terminal.h"
#include "svc/talk/line.h"

#include <functional>
#include <string_view>

namespace svc::cli {

/// Exit statuses (svc(1)).
enum Exit {
    exit_done = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_no_supervisor = 3,
    exit_not_allowed = 4,
    exit_service_file = 5,
    exit_timed_out = 6,
};

/// Where output goes. A test keeps it.
struct Console {
    Terminal terminal;                 ///< of `out`
    bool error_color = false;          ///< `err` is a terminal with colors
    std::function<Terminal()> measure; ///< as it is now, after its size changed; may be empty
    std::function<void(std::string_view)> out;
    std::function<void(std::string_view)> err;
    Patience patience{}; ///< a test's is short
    Duration at_a_key = std::chrono::milliseconds(
        200); ///< for all supervisors together, in a completion: somebody has a finger on the key
};

/// Prints "svc: " and the error; its code decides the exit status.
int fail(const Error& error, const Console& console);

} // namespace svc::cli
