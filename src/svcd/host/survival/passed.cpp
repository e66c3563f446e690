#include "svcd/host/survival/passed.h"

#include <utility>

namespace svc::daemon {

Passed sort_passed(std::map<std::string, std::vector<UniqueFd>>&& fds) {
    Passed passed;
    std::map<std::string, UniqueFd> kept;
    for (auto& [name, of_name] : fds) {
        if (!name.starts_with(kept_prefix))
            passed.sockets.emplace(name, std::move(of_name));
        else if (!of_name.empty())
            kept.emplace(name, std::move(of_name.back())); // FdStore lets no name stand for two
    }
    passed.kept = KeptFds(std::move(kept));
    return passed;
}

} // namespace svc::daemon
