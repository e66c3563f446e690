// The command line of svcd.
#pragma once

#include "svcd/settings.h"

#include <string>
#include <variant>
#include <vector>

namespace svc::daemon {

/// What was typed, checked but for what only the machine can tell.
struct Options {
    std::string name;
    std::string runtime_dir; ///< DIR of --runtime-dir; empty: see find_directories()
    std::string state_dir;
    std::string service_file; ///< absolute; empty: inline_spec
    std::optional<rollout::Spec> inline_spec;
    std::string control_group;
    std::string log_level = "info";
    std::string cgroup = "auto"; ///< or "off", or an absolute path
    std::optional<Trial> trial;
    bool reap = false; ///< no supervisor: what one left of `name` is ended (reap.h)
};

/// The program is to end at once: --help and --version with status 0, a wrong command line with 2.
struct EndNow {
    int exit_status = 0;
    std::string text; ///< for stdout if the status is 0, else for stderr
};

/// `environment` ("NAME=value", as environ(7)) becomes the workers' where the command line is the
/// service file: what was typed runs as it would have without svcd.
std::variant<Options, EndNow> parse_options(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment,
                                            const std::string& working_directory);

} // namespace svc::daemon
