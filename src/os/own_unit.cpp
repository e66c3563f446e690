#include "os/own_unit.h"

#include "os/files.h"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace svc::os {

namespace {

/// "0::/system.slice/…" of version 2; "1:name=systemd:/…" where systemd still uses version 1.
std::string_view managers_path(std::string_view line) {
    if (line.starts_with("0::"))
        return line.substr(3);
    constexpr std::string_view named = ":name=systemd:";
    const auto found = line.find(named);
    return found == std::string_view::npos ? std::string_view() : line.substr(found + named.size());
}

std::optional<OwnUnit> unit_in(std::string_view path) {
    std::optional<OwnUnit> unit;
    bool below_user_manager = false;
    while (!path.empty()) {
        const auto part = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), part.size() + 1));
        if (!part.ends_with(".service"))
            continue;
        // "user@1000.service" is the user's manager itself, a unit of the system's.
        below_user_manager = below_user_manager || (unit && unit->name.starts_with("user@"));
        unit = OwnUnit{std::string(part), below_user_manager};
    }
    return unit;
}

} // namespace

std::optional<OwnUnit> unit_of(std::string_view cgroups) {
    while (!cgroups.empty()) {
        const auto line = cgroups.substr(0, cgroups.find('\n'));
        cgroups.remove_prefix(std::min(cgroups.size(), line.size() + 1));
        if (auto unit = unit_in(managers_path(line)))
            return unit;
    }
    return std::nullopt;
}

std::optional<OwnUnit> own_unit() {
    // systemd.exec(5), from version 248 on: the unit's main process is another one, such as svc-keeper.
    const char* executed = std::getenv("SYSTEMD_EXEC_PID");
    if (executed != nullptr && executed != std::to_string(::getpid()))
        return std::nullopt;
    return unit_of(read_unsized("/proc/self/cgroup"));
}

} // namespace svc::os
