#include "os/cgroup.h"

#include "os/clock.h"
#include "os/files.h"
#include "os/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <iterator>
#include <memory>
#include <poll.h>
#include <sstream>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

namespace svc::os {

namespace {

constexpr std::size_t file_limit = 4u << 20; // half a million processes
constexpr int depth_limit = 16;
constexpr int lock_again_ms = 10;
constexpr int kill_rounds = 10; // without cgroup.kill: what was forked meanwhile

UniqueFd open_in(int directory, const std::string& file, int flags) {
    return UniqueFd(::openat(directory, file.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
}

/// Calls `visit` with each number of a file of lines; 0 stands for a process that our pid namespace has not.
void for_each_pid(int directory, auto visit) {
    const std::string text = read_cgroup(directory, "cgroup.procs");
    std::string_view rest = text;
    while (!rest.empty()) {
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), pid);
        if (error == std::errc{})
            visit(pid);
        rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    }
}

void add_pids(int directory, std::unordered_set<pid_t>& to, int depth) {
    for_each_pid(directory, [&](pid_t pid) {
        if (pid > 0)
            to.insert(pid);
    });
    if (depth == 0)
        return;
    for (const std::string& name : child_cgroups(directory))
        if (const auto child = open_cgroup(directory, name))
            add_pids(child->get(), to, depth - 1);
}

Result<bool> remove_below(int parent, const std::string& name, int depth) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    const int error = errno;
    if (error != EBUSY && error != ENOTEMPTY)
        return system_error("cannot remove the cgroup " + name, error);
    const auto directory = depth > 0 ? open_cgroup(parent, name) : Error{};
    if (!directory || is_populated(directory->get()))
        return false;
    for (const std::string& child : child_cgroups(directory->get()))
        if (auto removed = remove_below(directory->get(), child, depth - 1); !removed || !*removed)
            return removed;
    return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

Result<void> disable_below(int directory, int depth) {
    if (depth > 0)
        for (const std::string& name : child_cgroups(directory))
            if (const auto child = open_cgroup(directory, name))
                static_cast<void>(disable_below(child->get(), depth - 1));
    std::string enabled = read_cgroup(directory, "cgroup.subtree_control");
    std::string wanted;
    while (!enabled.empty()) {
        const auto word = enabled.substr(0, enabled.find_first_of(" \n"));
        enabled.erase(0, word.size() + 1);
        if (!word.empty())
            wanted += (wanted.empty() ? "-" : " -") + word;
    }
    return wanted.empty() ? Result<void>()
                          : write_cgroup(directory, "cgroup.subtree_control", wanted);
}

} // namespace

Result<UniqueFd> open_cgroup(int parent, const std::string& name) {
    UniqueFd opened = open_in(parent, name, O_RDONLY | O_DIRECTORY);
    if (!opened)
        return system_error("cannot open the cgroup " + name, errno);
    return opened;
}

Result<UniqueFd> make_cgroup(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0755) != 0) {
        const int error = errno;
        std::string what = "cannot make the cgroup " + name;
        if (error == EAGAIN)
            what += " (cgroup.max.descendants or cgroup.max.depth, of it or of one above, allows "
                    "no more)";
        return system_error(std::move(what), error);
    }
    return open_cgroup(parent, name);
}

Result<bool> remove_cgroup(int parent, const std::string& name) {
    return remove_below(parent, name, depth_limit);
}

std::vector<std::string> child_cgroups(int directory) {
    std::vector<std::string> names;
    UniqueFd again = open_in(directory, ".", O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, int (*)(DIR*)> opened(::fdopendir(again.get()), ::closedir);
    if (!opened)
        return names;
    static_cast<void>(again.release()); // closedir() closes it
    while (const dirent* entry = ::readdir(opened.get())) {
        const std::string name = entry->d_name;
        if (entry->d_type == DT_DIR && name != "." && name != "..")
            names.push_back(name);
    }
    return names;
}

std::string read_cgroup(int directory, const std::string& file) {
    const UniqueFd opened = open_in(directory, file, O_RDONLY);
    std::string text;
    std::array<char, 16384> buffer; // NOLINT: filled by read()
    while (opened && text.size() < file_limit) {
        const ssize_t count = ::read(opened.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
}

std::set<std::string> read_controllers(const std::string& list) {
    std::istringstream words(list);
    return {std::istream_iterator<std::string>(words), {}};
}

Result<void> write_cgroup(int directory, const std::string& file, std::string_view text) {
    // O_TRUNC means nothing to a cgroup.
    const UniqueFd opened = open_in(directory, file, O_WRONLY | O_TRUNC);
    if (opened &&
        ::write(opened.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
        return {};
    return system_error("cannot write \"" + std::string(text) + "\" to " + file, errno);
}

bool has_file(int directory, const std::string& file) {
    return ::faccessat(directory, file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<std::uint64_t> number_in_cgroup(int directory, const std::string& file,
                                              std::string_view key) {
    const std::string text = read_cgroup(directory, file);
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (!key.empty()) {
            if (!line.starts_with(key) || !line.substr(key.size()).starts_with(' '))
                continue;
            line.remove_prefix(key.size() + 1);
        }
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
        if (error == std::errc{} && end == line.data() + line.size())
            return number;
    }
    return std::nullopt;
}

Result<UniqueFd> open_door(int directory) {
    UniqueFd opened = open_in(directory, "cgroup.procs", O_WRONLY);
    if (!opened)
        return system_error("cannot open its cgroup.procs", errno);
    return opened;
}

Result<void> move_processes(int directory, int to) {
    // What forks while it is moved leaves a child behind: look again.
    for (int round = 0; round < kill_rounds; ++round) {
        std::vector<pid_t> found;
        for_each_pid(directory, [&](pid_t pid) { found.push_back(pid); });
        if (found.empty())
            return {};
        for (const pid_t pid : found) {
            if (pid == 0)
                return Error{"processes that cannot be seen from here are in it", EBUSY};
            auto moved = write_cgroup(to, "cgroup.procs", std::to_string(pid));
            if (!moved && moved.error().code != ESRCH)
                return moved;
        }
    }
    return Error{"processes come into it faster than they can be moved", EBUSY};
}

bool is_populated(int directory) {
    return number_in_cgroup(directory, "cgroup.events", "populated") == 1;
}

bool await_empty(int directory, Duration bound) {
    const Instant deadline = now() + bound;
    const UniqueFd events = open_in(directory, "cgroup.events", O_RDONLY);
    for (;;) {
        std::array<char, 256> text; // NOLINT: filled by pread()
        // What is polled for is a change since this.
        static_cast<void>(::pread(events.get(), text.data(), text.size(), 0) == 0);
        if (!is_populated(directory))
            return true;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
        if (left <= 0)
            return false;
        pollfd waits{events.get(), POLLPRI, 0};
        ::poll(&waits, 1, static_cast<int>(left));
    }
}

std::vector<FoundProcess> processes_in(int directory) {
    std::unordered_set<pid_t> before;
    add_pids(directory, before, depth_limit);
    std::vector<FoundProcess> found;
    for (const pid_t pid : before) {
        auto pidfd = open_pidfd(pid);
        if (!pidfd || has_ended(pidfd->get()))
            continue;
        std::string name = read_unsized("/proc/" + std::to_string(pid) + "/comm");
        if (name.ends_with('\n'))
            name.pop_back();
        found.push_back(FoundProcess{pid, std::move(*pidfd), std::move(name)});
    }
    // Before its pidfd was opened a number may have become another process's, elsewhere.
    std::unordered_set<pid_t> after;
    add_pids(directory, after, depth_limit);
    std::erase_if(found, [&](const FoundProcess& process) { return !after.contains(process.pid); });
    return found;
}

Result<void> kill_cgroup(int directory) {
    auto killed = write_cgroup(directory, "cgroup.kill", "1");
    if (killed || killed.error().code != ENOENT)
        return killed;
    for (int round = 0; round < kill_rounds; ++round) {
        const auto found = processes_in(directory);
        if (found.empty())
            break;
        for (const FoundProcess& process : found)
            if (auto sent = send_signal(process.pidfd.get(), SIGKILL); !sent)
                return sent;
    }
    return {};
}

Result<void> disable_controllers(int directory) {
    return disable_below(directory, depth_limit);
}

Result<void> lock_cgroup(int directory, Duration bound) {
    const Instant deadline = now() + bound;
    while (::flock(directory, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return system_error("cannot lock the cgroup", errno);
        if (now() >= deadline)
            return Error{"another supervisor uses it: each service needs a cgroup of its own",
                         EWOULDBLOCK};
        ::poll(nullptr, 0, lock_again_ms);
    }
    return {};
}

Result<UniqueFd> make_cgroup_watch() {
    UniqueFd made(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!made)
        return system_error("cannot watch cgroups", errno);
    return made;
}

Result<int> watch_populated(int watch, int directory) {
    const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/cgroup.events";
    const int number = ::inotify_add_watch(watch, path.c_str(), IN_MODIFY);
    if (number < 0)
        return system_error("cannot watch a cgroup", errno);
    return number;
}

void unwatch(int watch, int number) {
    static_cast<void>(::inotify_rm_watch(watch, number));
}

void drain_cgroup_watch(int watch) {
    std::array<char, 4096> buffer; // NOLINT: filled by read()
    while (::read(watch, buffer.data(), buffer.size()) > 0) {
    }
}

} // namespace svc::os
