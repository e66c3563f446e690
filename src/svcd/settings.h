// Settings: what the command line of svcd fixes for its whole life.
#pragma once

#include "rollout/spec.h"

#include <optional>
#include <string>

namespace svc::daemon {

struct Settings {
    std::string name;         ///< of the service
    std::string runtime_dir;  ///< DIR/NAME: control, notify/
    std::string state_dir;    ///< DIR/NAME
    std::string service_file; ///< empty: `inline_spec` came from the command line
    std::optional<rollout::Spec> inline_spec;
    std::string launcher_path; ///< svc-launch
    std::string
        control_group; ///< group that may change things besides uid 0 and our own uid; empty: none
};

} // namespace svc::daemon
