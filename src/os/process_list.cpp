#include "os/process_list.h"

#include "os/files.h"
#include "os/process.h"

#include <charconv>
#include <dirent.h>
#include <memory>
#include <optional>
#include <unistd.h>

namespace svc::os {

namespace {

/// The value of the entry that begins with `prefix`.
std::optional<std::string> entry_of(std::string_view environment, std::string_view prefix) {
    while (!environment.empty()) {
        const std::string_view entry = environment.substr(0, environment.find('\0'));
        if (entry.starts_with(prefix))
            return std::string(entry.substr(prefix.size()));
        environment.remove_prefix(std::min(environment.size(), entry.size() + 1));
    }
    return std::nullopt;
}

} // namespace

std::vector<FoundProcess> find_processes(std::string_view prefix) {
    std::vector<FoundProcess> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
    if (!directory)
        return found;
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || end != name.data() + name.size() || pid == ::getpid())
            continue;
        // Most processes are somebody else's: the cheap look first, and again once it cannot change.
        const std::string path = "/proc/" + std::string(name) + "/environ";
        if (!entry_of(read_unsized(path), prefix))
            continue;
        auto pidfd = open_pidfd(pid);
        if (!pidfd)
            continue;
        auto value = entry_of(read_unsized(path), prefix);
        if (value && !has_ended(pidfd->get()))
            found.push_back(FoundProcess{pid, std::move(*pidfd), std::move(*value)});
    }
    return found;
}

} // namespace svc::os
