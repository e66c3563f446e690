// The command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace web {

using Milliseconds = std::chrono::milliseconds;

/// Faults on request: what a supervisor must live with, for its tests and demonstrations.
struct Misbehaviour {
    bool fail_before_ready = false;
    bool hang_before_ready = false;
    bool never_ready = false; ///< serves, but does not say so
    bool ignore_term = false;
    bool fork_child = false; ///< leaves a child behind that nobody asked for
    bool shutdown_listener = false;
    std::optional<int> listen_backlog; ///< calls listen() on the shared socket
    std::optional<Milliseconds> exit_after;
    std::optional<Milliseconds> crash_after_ready;
};

struct Options {
    std::string version_label = "1";
    std::string listen;   ///< used only if no socket was inherited
    std::string timeline; ///< file
    Milliseconds start_delay{};
    Milliseconds request_delay{};
    Milliseconds drain{2000}; ///< how long idle connections may still be used after SIGTERM
    Misbehaviour misbehaviour;
};

/// Exits with status 0 after --help, with status 2 and a sentence if it is wrong.
Options parse_options(int count, char** arguments);

} // namespace web
