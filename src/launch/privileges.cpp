#include "launch/launch.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace svc::launch {

namespace {

constexpr std::array<std::string_view, RLIMIT_NLIMITS> resource_names{
    "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
    "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
};
constexpr rlim_t no_limit = RLIM_INFINITY; // of LaunchLimit too: UINT64_MAX

std::string limit_text(std::uint64_t value) {
    return value == no_limit ? "unlimited" : std::to_string(value);
}

/// These bind the launcher from the moment they are set: it could not move a fd above the limit, or
/// take memory for a sentence.
bool binds_launcher(std::int32_t resource) {
    return resource == RLIMIT_NOFILE || resource == RLIMIT_AS || resource == RLIMIT_DATA ||
           resource == RLIMIT_STACK;
}

Result<void> set_limit(const wire::LaunchLimit& limit, const rlimit& value) {
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (::setrlimit(resource, &value) == 0)
        return {};
    const int error = errno;
    std::string what = "cannot set the limit ";
    what += resource_names.at(static_cast<std::size_t>(limit.resource));
    what += " to " + limit_text(limit.soft) + ":" + limit_text(limit.hard);
    rlimit current{};
    if (error == EPERM && ::getrlimit(resource, &current) == 0) {
        what += " (the hard limit is " + limit_text(current.rlim_max) +
                ", and only a supervisor with CAP_SYS_RESOURCE may raise it";
        what += limit.resource == RLIMIT_NOFILE ? ", at most to fs.nr_open)" : ")";
    }
    return system_error(std::move(what), error);
}

/// Whether the process has exactly these supplementary groups; the primary one may be listed or
/// not, it makes no difference to any permission.
bool has_groups(std::vector<std::uint32_t> wanted, std::uint32_t primary) {
    const int count = ::getgroups(0, nullptr);
    if (count < 0)
        return false;
    std::vector<gid_t> current(static_cast<std::size_t>(count));
    if (::getgroups(count, current.data()) != count)
        return false;
    for (auto* list : {&wanted, &current}) {
        std::erase(*list, primary);
        std::sort(list->begin(), list->end());
        list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    return wanted == current;
}

Error credentials_error(std::string what, int error) {
    if (error == EPERM)
        what += " (only a supervisor that runs as root starts workers as another user)";
    return system_error(std::move(what), error);
}

bool is_user(std::uint32_t uid) {
    uid_t real = 0;
    uid_t effective = 0;
    uid_t saved = 0;
    return ::getresuid(&real, &effective, &saved) == 0 && real == uid && effective == uid &&
           saved == uid;
}

bool is_group(std::uint32_t gid) {
    gid_t real = 0;
    gid_t effective = 0;
    gid_t saved = 0;
    return ::getresgid(&real, &effective, &saved) == 0 && real == gid && effective == gid &&
           saved == gid;
}

Result<void> change_user(const wire::LaunchOrder& order) {
    if (!has_groups(order.groups, order.gid) &&
        ::setgroups(order.groups.size(), order.groups.data()) != 0)
        return credentials_error("cannot set the supplementary groups", errno);
    if (::setresgid(order.gid, order.gid, order.gid) != 0)
        return credentials_error("cannot become gid " + std::to_string(order.gid), errno);
    if (is_user(order.uid))
        return {};
    if (::setresuid(order.uid, order.uid, order.uid) != 0)
        return credentials_error("cannot become uid " + std::to_string(order.uid), errno);
    // The kernel clears capabilities at a change from uid 0 only. A supervisor that has CAP_SETUID
    // as an ambient capability would hand it on, through the exec too (capabilities(7)).
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) != 0)
        return system_error("cannot drop the ambient capabilities", errno);
    return {};
}

} // namespace

Result<void> raise_limits(Launch& launch) {
    for (const wire::LaunchLimit& limit : launch.order.limits) {
        rlimit value{.rlim_cur = limit.soft, .rlim_max = limit.hard};
        if (binds_launcher(limit.resource)) {
            rlimit current{};
            ::getrlimit(static_cast<__rlimit_resource>(limit.resource), &current);
            // Only what needs privileges, now; lower_limits() does the rest without any.
            if (limit.hard <= current.rlim_max)
                continue;
            value.rlim_cur = current.rlim_cur;
        }
        if (auto set = set_limit(limit, value); !set)
            return set;
    }
    return {};
}

Result<void> lower_limits(Launch& launch) {
    for (const wire::LaunchLimit& limit : launch.order.limits) {
        if (!binds_launcher(limit.resource))
            continue;
        if (auto set = set_limit(limit, {.rlim_cur = limit.soft, .rlim_max = limit.hard}); !set)
            return set;
    }
    return {};
}

Result<void> set_nice(Launch& launch) {
    const auto& nice = launch.order.nice;
    if (!nice || ::setpriority(PRIO_PROCESS, 0, *nice) == 0)
        return {};
    const int error = errno;
    std::string what = "cannot set nice to " + std::to_string(*nice);
    if (error == EACCES || error == EPERM)
        what += " (the supervisor lacks CAP_SYS_NICE, and its limit nice does not allow it)";
    return system_error(std::move(what), error);
}

Result<void> set_oom_score(Launch& launch) {
    if (!launch.order.oom_score_adj)
        return {};
    const std::string text = std::to_string(*launch.order.oom_score_adj);
    const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    if (!file)
        return system_error("cannot open /proc/self/oom_score_adj", errno);
    if (::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
        return {};
    const int error = errno;
    std::string what = "cannot set oom_score_adj to " + text;
    if (error == EACCES || error == EPERM)
        what += " (only a supervisor with CAP_SYS_RESOURCE may lower it)";
    return system_error(std::move(what), error);
}

Result<void> set_credentials(Launch& launch) {
    const wire::LaunchOrder& order = launch.order;
    if (order.set_credentials) {
        if (auto changed = change_user(order); !changed)
            return changed;
        // Believing a call that lied (a security module, an emulation) would run the worker as
        // root.
        if (!is_user(order.uid) || !is_group(order.gid) || !has_groups(order.groups, order.gid))
            return Error{"the kernel said that uid, gid and groups were changed, and they are not",
                         EPERM};
    }
    if (order.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
        return system_error("cannot set no_new_privs", errno);
    return {};
}

} // namespace svc::launch
