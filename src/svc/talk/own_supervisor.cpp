#include "svc/talk/own_supervisor.h"

#include "os/own_unit.h"
#include "os/process.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace svc::cli {

Result<UniqueFd> watch_own_supervisor(const std::string& service) {
    const char* main = std::getenv("MAINPID");
    if (main == nullptr)
        return UniqueFd();
    const auto unit = os::own_unit();
    if (!unit || unit->name != "svcd@" + service + ".service")
        return UniqueFd();
    const std::string_view text = main;
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    auto supervisor = os::open_pidfd(pid);
    if (!supervisor)
        return Error{"the supervisor of " + service + " has died; systemd starts it again", ESRCH};
    return supervisor;
}

} // namespace svc::cli
