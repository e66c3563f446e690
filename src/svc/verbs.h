// What svc does: one function a verb.
#pragma once

#include "svc/line.h"
#include "svc/options.h"
#include "svc/terminal.h"

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
    std::function<Terminal()> measure; ///< as it is now, after its size changed; may be empty
    std::function<void(std::string_view)> out;
    std::function<void(std::string_view)> err;
    Patience patience{}; ///< a test's is short
};

/// Does what the options say and returns the exit status.
int run(const Options& options, const Console& console);

/// Prints "svc: " and the error; its code decides the exit status.
int fail(const Error& error, const Console& console);

// What run() chooses from.
int change_service(const Options& options, const Console& console); ///< those that change it
int upgrade_service(const Options& options, const Console& console);
int show_status(const Options& options, const Console& console);
int show_events(const Options& options, const Console& console);
int show_logs(const Options& options, const Console& console);
int show_history(const Options& options, const Console& console);
int show_timeline(const Options& options, const Console& console);
int show_diff(const Options& options, const Console& console);
int show_list(const Options& options, const Console& console);
int check_file(const Options& options, const Console& console);
int show_preset(const Options& options, const Console& console);

} // namespace svc::cli
