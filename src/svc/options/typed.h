// The command line as CLI11 reads it: each verb with its options.
#pragma once

#include "svc/options/options.h"

#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace svc::cli {

/// The arguments as CLI11 fills them in.
struct Typed {
    Options options;
    std::string replicas;
    std::string replica;
    std::string since;
    std::string lines;
    std::string timeout;
    std::string interval;
    std::string to;
    std::vector<std::string> words; ///< numbers of revisions, then perhaps a name
    bool no_wait = false;
    bool no_wait_drain = false;
    bool command = false; ///< there was a "--"
};

/// Every verb and every option of it; parsing fills in `typed`.
void add_verbs(CLI::App& app, Typed& typed);
/// The options that stand before the verb or after it.
void add_common(CLI::App& app, Typed& typed);

} // namespace svc::cli
