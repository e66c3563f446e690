// The command line of svc, as a value.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace svc::cli {

enum class Verb {
    reload,
    apply,
    undo,
    pause,
    resume,
    abort,
    promote,
    scale,
    replace,
    freeze,
    unfreeze,
    stop,
    upgrade,
    status,
    top,
    events,
    logs,
    history,
    diff,
    timeline,
    metrics,
    check,
    try_out,
    init,
    preset,
    list,
    complete ///< for the shells' scripts; --help has it not
};
std::string_view verb_name(Verb verb);

/// Every verb has the members that its options set; the others keep their defaults.
struct Options {
    Verb verb = Verb::status;
    std::string
        name; ///< of the service or the preset, or what `check` is to read; empty: the only service
    std::string runtime_dir;
    bool json = false;
    bool wait = true;
    bool wait_drained = true;
    std::optional<Duration> timeout;
    std::string cause;
    bool supersede = false;
    bool all = false;   ///< upgrade: every service that runs
    bool force = false; ///< undo: whatever its inputs are by now; init: over a file
    bool now = false;   ///< reload, apply: without min_ready; stop: kill
    std::string reason; ///< of pause, abort and freeze
    std::uint32_t replica = 0;
    std::uint32_t replicas = 0;
    std::vector<std::string> names;              ///< top: the services; empty: all
    bool once = false;                           ///< top: one frame, as plain text
    Duration interval = std::chrono::seconds(2); ///< top
    bool follow = false;
    std::uint64_t since = 0;                   ///< events: the number of one
    std::string since_time;                    ///< logs: as journalctl takes it
    std::optional<std::uint32_t> only_replica; ///< logs
    std::optional<std::uint32_t> lines; ///< events, logs: at most so many of those that are there
    std::uint64_t revision =
        0; ///< undo: to; history, timeline: the one to show; diff: the newer one; 0: none given
    std::uint64_t from = 0;          ///< diff: the older one
    std::vector<std::string> listen; ///< try: as typed
    std::vector<std::string>
        command;              ///< try, init: what follows "--"; complete: what the script tells
    std::string preset;       ///< init
    bool print = false;       ///< init: write no file
    std::string output;       ///< metrics: a file; empty: stdout
    bool openmetrics = false; ///< metrics: as OpenMetrics 1.0
};

/// --help, --version, or a mistake: the program ends at once.
struct EndNow {
    int status = 0;
    std::string text; ///< for stdout if the status is 0, else for stderr
};

/// `arguments` without the program's name. Reads nothing but them.
std::variant<Options, EndNow> parse_arguments(std::vector<std::string> arguments);

} // namespace svc::cli
