#include "os/process_tree.h"

#include "base/text.h"
#include "os/files.h"

#include <filesystem>
#include <limits>
#include <set>
#include <string>

namespace svc::os {

namespace {

/// A child belongs to the thread that made it, so every thread is asked (proc(5), …/children).
void add_children(pid_t pid, std::vector<pid_t>& to) {
    std::error_code gone;
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    std::filesystem::directory_iterator task(tasks, gone);
    const std::filesystem::directory_iterator end;
    while (!gone && task != end) {
        const std::string list = read_unsized(task->path().string() + "/children");
        std::string_view rest = list;
        while (const auto child = take_number(rest))
            if (*child <= static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max()))
                to.push_back(static_cast<pid_t>(*child));
        task.increment(gone);
    }
}

} // namespace

std::vector<pid_t> processes_of_trees(std::span<const pid_t> roots, std::size_t limit) {
    std::vector<pid_t> found(roots.begin(), roots.end());
    std::set<pid_t> seen;
    std::size_t next = 0;
    while (next < found.size() && next < limit) {
        const pid_t pid = found[next];
        if (pid <= 0 || !seen.insert(pid).second) {
            found.erase(found.begin() + static_cast<std::ptrdiff_t>(next));
            continue;
        }
        ++next;
        add_children(pid, found);
    }
    found.resize(next);
    return found;
}

} // namespace svc::os
