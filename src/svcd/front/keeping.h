// svcd --keeper: svcd becomes svc-keeper, which starts it again as its child (svcd(8), KEEPER).
#pragma once

#include <string>
#include <vector>

namespace svc::daemon {

enum class Keeping {
    none,   ///< a supervisor like any other
    wanted, ///< --keeper: nothing else will do
    as_init, ///< nobody asked, but with process 1 everything ends; without svc-keeper it goes on alone
};

/// What the command line and the surroundings ask for. --keeper is the first argument or none.
Keeping find_keeping(const std::vector<std::string>& arguments, bool is_process_1,
                     bool has_manager);

/// Executes the keeper at `path`, which will give `arguments`, without --keeper, to the svcd that it starts.
/// Comes back with a sentence if it could not.
std::string become_keeper(const std::string& path, std::vector<std::string> arguments);

} // namespace svc::daemon
