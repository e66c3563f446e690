// The unit of the service manager that this process belongs to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace svc::os {

struct OwnUnit {
    std::string name;     ///< "svcd@web.service"
    bool of_user = false; ///< of a user's manager
};
/// From the cgroup that /proc/self/cgroup names; nullopt: it is no service's.
std::optional<OwnUnit> own_unit();
/// The same of a text of cgroups(7)'s form. Pure.
std::optional<OwnUnit> unit_of(std::string_view cgroups);

} // namespace svc::os
