// What svc does: one function a verb.
#pragma once

#include "svc/options/options.h"
#include "svc/talk/console.h"

namespace svc::cli {

/// Does what the options say and returns the exit status.
int run(const Options& options, const Console& console);

// What run() chooses from.
int change_service(const Options& options, const Console& console); ///< those that change it
int upgrade_service(const Options& options, const Console& console);
int show_status(const Options& options, const Console& console); ///< status and list
int show_top(const Options& options, const Console& console);
int show_events(const Options& options, const Console& console);
int show_logs(const Options& options, const Console& console);
int show_history(const Options& options, const Console& console);
int show_timeline(const Options& options, const Console& console);
int show_diff(const Options& options, const Console& console);
int show_metrics(const Options& options, const Console& console);
int check_file(const Options& options, const Console& console);
int try_service(const Options& options, const Console& console);
int init_service(const Options& options, const Console& console);
int show_preset(const Options& options, const Console& console);
int complete_line(const Options& options, const Console& console);

} // namespace svc::cli
