#include "svc/talk/services.h"

#include "base/text.h"
#include "os/clock.h"
#include "svc/talk/client.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <functional>
#include <memory>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace svc::cli {
namespace {

constexpr std::size_t name_limit = 64;

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

bool by_name(const Service& left, const Service& right) {
    return left.name < right.name;
}

/// One that may not be looked at counts: connecting says so.
bool may_be_socket(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        return errno == EACCES;
    return S_ISSOCK(found.st_mode);
}

/// Those whose socket nobody listens to, now and for `patience`. The wrong one must not be stopped because the
/// right one's supervisor was killed a moment ago.
void remove_dead(std::vector<Service>& services, Duration patience) {
    const auto is_dead = [](const Service& service) {
        const auto client = Client::connect(service.control, service.name);
        return !client && (client.error().code == ECONNREFUSED || client.error().code == ENOENT);
    };
    const Instant until = os::now() + patience;
    // Only those are asked again: the others have answered.
    auto dead = std::stable_partition(services.begin(), services.end(), std::not_fn(is_dead));
    while (dead != services.end() && os::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        dead = std::stable_partition(dead, services.end(), std::not_fn(is_dead));
    }
    services.erase(dead, services.end());
    std::sort(services.begin(), services.end(), by_name);
}

Error none_running(const std::vector<std::string>& directories) {
    for (const auto& directory : directories)
        if (::access(directory.c_str(), R_OK | X_OK) != 0 && errno == EACCES)
            return Error{"not allowed to look for services in " + directory +
                             ": run svc as root or as the supervisor's user, or name the service",
                         EACCES};
    return Error{"no service runs here: there is no supervisor's socket in " +
                     join(directories, " or ") +
                     "; start one with `svcd FILE.toml` or `systemctl start svcd@NAME`, or say "
                     "where it is with --runtime-dir",
                 ENOENT};
}

} // namespace

std::vector<std::string> runtime_directories(const std::string& option) {
    if (!option.empty())
        return {option};
    if (auto directory = variable("SVC_RUNTIME_DIR"); !directory.empty())
        return {std::move(directory)};
    std::vector<std::string> directories;
    // A relative one is to be ignored (XDG Base Directory Specification).
    if (const auto directory = variable("XDG_RUNTIME_DIR"); directory.starts_with('/'))
        directories.push_back(directory + "/svc");
    directories.emplace_back("/run/svc");
    return directories;
}

std::vector<Service> find_services(const std::vector<std::string>& directories) {
    std::vector<Service> services;
    for (const auto& directory : directories) {
        const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
        while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
            const std::string name = entry->d_name;
            const auto control = directory + "/" + name + "/control";
            const bool known =
                std::any_of(services.begin(), services.end(),
                            [&](const Service& service) { return service.name == name; });
            if (!known && is_plain_name(name, name_limit) && may_be_socket(control))
                services.push_back({name, control});
        }
    }
    std::sort(services.begin(), services.end(), by_name);
    return services;
}

Result<Service> choose_service(const std::string& name, const std::vector<std::string>& directories,
                               Duration patience) {
    if (!name.empty()) {
        for (const auto& directory : directories)
            if (const auto control = directory + "/" + name + "/control"; may_be_socket(control))
                return Service{name, control};
        std::vector<std::string> known;
        for (const auto& service : find_services(directories))
            known.push_back(service.name);
        if (const auto meant = nearest(name, known); !meant.empty())
            return Error{"no supervisor of " + name + " in " + join(directories, " or ") +
                             "; did you mean " + meant + "?",
                         ENOENT};
        // Connecting says best what is wrong with it: not there, or not to be reached.
        return Service{name, directories.back() + "/" + name + "/control"};
    }
    auto services = find_services(directories);
    if (services.size() > 1)
        remove_dead(services, patience);
    if (services.empty())
        return none_running(directories);
    if (services.size() == 1)
        return services.front();
    std::vector<std::string> names;
    names.reserve(services.size());
    for (const auto& service : services)
        names.push_back(service.name);
    return Error{"several services run here, name one of them: " + join(names, ", "), ENOTUNIQ};
}

} // namespace svc::cli
