// The command line.
#pragma once

#include "base/address.h"
#include "base/time.h"

#include <cstddef>
#include <optional>
#include <string>

namespace svc::loadgen {

struct Options {
    Address target;
    std::string path = "/";
    std::string host; ///< Host header
    double rate = 0;  ///< requests a second, each on a connection of its own
    unsigned keep_alive_clients = 0;
    double keep_alive_rate = 10;                 ///< requests a second of each client
    std::optional<Duration> duration;            ///< none: until SIGTERM, SIGINT or the hard limit
    Duration timeout = std::chrono::seconds(10); ///< of one request
    Duration hard_limit = std::chrono::hours(1); ///< of the whole run, whatever happens
    std::size_t most_open = 4096;                ///< connections of their own at one time
    bool control = false;                        ///< read commands from stdin
    bool table = false;                          ///< report for a person
};

/// The options, or the status to exit with: help and mistakes have been printed.
struct ParsedOptions {
    std::optional<Options> options;
    int exit_status = 0;
};
ParsedOptions parse_options(int count, char** arguments);

} // namespace svc::loadgen
