#include "os/process_set.h"

#include "base/text.h"
#include "os/files.h"

#include <algorithm>
#include <charconv>
#include <dirent.h>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace svc::os {

namespace {

constexpr std::size_t process_limit = 65536;

struct Relations {
    pid_t parent = 0;
    pid_t group = 0;
};

/// proc(5), /proc/PID/stat: "PID (COMM) STATE PPID PGRP …", and COMM may have blanks and brackets in it.
std::optional<Relations> relations_of(const std::string& stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || stat.size() < name_end + 4)
        return std::nullopt;
    const char* at = stat.data() + name_end + 4;
    const char* const end = stat.data() + stat.size();
    Relations found;
    const auto parent = std::from_chars(at, end, found.parent);
    if (parent.ec != std::errc{} || parent.ptr == end)
        return std::nullopt;
    if (std::from_chars(parent.ptr + 1, end, found.group).ec != std::errc{})
        return std::nullopt;
    return found;
}

std::map<pid_t, Relations> all_processes() {
    std::map<pid_t, Relations> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
    if (!directory)
        return all;
    while (const dirent* entry = ::readdir(directory.get())) {
        std::string_view name = entry->d_name;
        const auto pid = take_number(name);
        if (!pid || !name.empty() || all.size() >= process_limit)
            continue;
        if (const auto found =
                relations_of(read_unsized("/proc/" + std::to_string(*pid) + "/stat")))
            all.emplace(static_cast<pid_t>(*pid), *found);
    }
    return all;
}

/// With those that came after their parents ended, as long as they stayed in the group.
std::set<pid_t> trees_of(const std::vector<pid_t>& roots, const std::map<pid_t, Relations>& all) {
    std::set<pid_t> found(roots.begin(), roots.end());
    for (bool grew = true; grew;) {
        grew = false;
        for (const auto& [pid, relations] : all) {
            const bool group_is_theirs =
                std::find(roots.begin(), roots.end(), relations.group) != roots.end();
            if (group_is_theirs || found.contains(relations.parent))
                grew = found.insert(pid).second || grew;
        }
    }
    return found;
}

} // namespace

std::vector<std::set<pid_t>> processes_of(const std::vector<ProcessSet>& sets) {
    std::vector<std::set<pid_t>> found;
    std::optional<std::map<pid_t, Relations>> all;
    for (const ProcessSet& set : sets) {
        std::set<pid_t> processes(set.members.begin(), set.members.end());
        if (!set.roots.empty()) {
            if (!all)
                all = all_processes();
            processes.merge(trees_of(set.roots, *all));
        }
        found.push_back(std::move(processes));
    }
    return found;
}

} // namespace svc::os
