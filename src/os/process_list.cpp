#include "os/process_list.h"

#include "os/files.h"
#include "os/process.h"

#include <algorithm>
#include <charconv>
#include <dirent.h>
#include <memory>
#include <optional>
#include <poll.h>
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

/// Whether a process of which no environment could be read has one. In the middle of its exec it has its new memory and
/// nothing in it yet: the bounds of its environment are 0 (proc(5), …/stat, fields 50 and 51). When the exec comes
/// between open() and read(), what was opened is the old memory, and gone. A kernel thread and a zombie have no
/// executable; what is not ours to look at shows none.
bool has_environment(const std::string& directory) {
    constexpr int env_start = 50;
    char target = 0;
    if (::readlink((directory + "/exe").c_str(), &target, 1) < 0)
        return false;
    const std::string stat = read_unsized(directory + "/stat");
    // Field 2 is the name, which may have anything in it; each field after it has a space before it.
    std::string_view rest = stat;
    rest.remove_prefix(std::min(rest.rfind(')'), rest.size()));
    for (int field = 2; field < env_start && !rest.empty(); ++field)
        rest.remove_prefix(std::min(rest.find(' ', 1), rest.size()));
    const std::string_view start = rest.substr(0, rest.find(' ', 1));
    rest.remove_prefix(start.size());
    const std::string_view end = rest.substr(0, rest.find(' ', 1));
    return start != end || end == " 0";
}

/// The environment of processes; one that is in its exec is waited for, but no longer than the bound for all of them.
class Environments {
public:
    std::string read(const std::string& directory) {
        std::string text = read_unsized(directory + "/environ");
        for (; text.empty() && patience_ms_ > 0 && has_environment(directory); --patience_ms_) {
            ::poll(nullptr, 0, 1);
            text = read_unsized(directory + "/environ");
        }
        return text;
    }

private:
    int patience_ms_ = 200;
};

} // namespace

std::vector<FoundProcess> find_processes(std::string_view prefix) {
    std::vector<FoundProcess> found;
    Environments environments;
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
        const std::string path = "/proc/" + std::string(name);
        if (!entry_of(environments.read(path), prefix))
            continue;
        auto pidfd = open_pidfd(pid);
        if (!pidfd)
            continue;
        auto value = entry_of(environments.read(path), prefix);
        if (value && !has_ended(pidfd->get()))
            found.push_back(FoundProcess{pid, std::move(*pidfd), std::move(*value)});
    }
    return found;
}

} // namespace svc::os
