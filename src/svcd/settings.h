// Settings: what the command line of svcd fixes for its whole life.
#pragma once

#include "base/time.h"
#include "rollout/spec.h"

#include <map>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace svc::daemon {

/// --try: the supervisor belongs to an `svc try`, which reads what it writes to stderr (front/trial.h).
struct Trial {
    std::string directory; ///< both of its directories are in it; removed at the end
    /// Instead of what the service file says, by the listener's name; "" is the only one's.
    std::map<std::string, Address> listen;
};

struct Settings {
    std::string name;         ///< of the service
    std::string runtime_dir;  ///< DIR/NAME: control, notify/, lock; both directories exist
    std::string state_dir;    ///< DIR/NAME
    std::string service_file; ///< absolute; empty: `inline_spec` came from the command line
    std::optional<rollout::Spec> inline_spec;
    std::optional<Trial> trial;
    std::string launcher_path; ///< svc-launch
    /// Of this process, as it was started; the program that replaces it in an upgrade is started so too.
    std::vector<std::string> arguments;
    int lock = -1; ///< main()'s: that we are the one supervisor of the service
    std::string
        upgrade_problem; ///< why another program gave the service back to this one; empty: none did
    std::vector<std::string> environment;
    /// RLIMIT_NOFILE's soft limit before we raised our own to the hard one, or what SVC_WORKER_NOFILE says in
    /// its place: a unit that has us hold thousands of fds must raise it for our exec. A worker gets this one
    /// back unless its service file says otherwise: programs that use select(2) break above 1024.
    rlim_t original_nofile_soft = RLIM_INFINITY;
    /// --cgroup: "auto", "off", or the directory of the one below which each worker gets its own.
    std::string cgroup = "off";
    /// How often the service manager wants to hear that the event loop still turns.
    std::optional<Duration> watchdog;
};

} // namespace svc::daemon
