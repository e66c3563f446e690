#include "os/delegation.h"

#include "os/cgroup.h"
#include "os/files.h"
#include "os/own_unit.h"
#include "os/process.h"
#include "os/program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace svc::os {

namespace {

constexpr Duration answer_bound = std::chrono::seconds(10);

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos)
            return parts;
        text.remove_prefix(at + 1);
    }
}

/// "\040" for a blank, as the kernel writes it in mountinfo (proc(5)).
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 3 < text.size()) {
            plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                       (text[at + 3] - '0'));
            at += 3;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

bool goes_up(std::string_view path) {
    const auto parts = split(path, '/');
    return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

struct Mount {
    std::string root;
    std::string point;
};

std::vector<Mount> cgroup2_mounts(std::string_view mountinfo) {
    std::vector<Mount> mounts;
    for (const auto line : split(mountinfo, '\n')) {
        const auto dash = line.find(" - ");
        const auto fields = split(line.substr(0, dash), ' ');
        if (dash == std::string_view::npos || fields.size() < 6 ||
            !line.substr(dash + 3).starts_with("cgroup2 "))
            continue;
        Mount mount{unescaped(fields[3]), unescaped(fields[4])};
        if (!goes_up(mount.root))
            mounts.push_back(std::move(mount));
    }
    return mounts;
}

std::optional<std::string> own_line(std::string_view cgroups) {
    for (const auto line : split(cgroups, '\n'))
        if (line.starts_with("0::/"))
            return std::string(line.substr(3));
    return std::nullopt;
}

std::optional<CgroupPlace> own_place() {
    return place_cgroup(read_unsized("/proc/self/cgroup"), read_unsized("/proc/self/mountinfo"));
}

bool is_marked(const std::string& path) {
    // systemd sets the first one for itself, the second one for whoever may not read that (systemd 251).
    for (const char* name : {"trusted.delegate", "user.delegate"}) {
        std::array<char, 8> value{};
        const ssize_t length = ::getxattr(path.c_str(), name, value.data(), value.size());
        if (length == 1 && value[0] == '1')
            return true;
    }
    return false;
}

/// The one above the leaf that we are in, if we are in one.
std::string above_leaf(const std::string& below) {
    for (const char* leaf : {supervisor_leaf, control_leaf})
        if (below.ends_with(std::string("/") + leaf))
            return below.substr(0, below.size() - std::string_view(leaf).size() - 1);
    return below;
}

bool is_first_process() {
    if (::getpid() == 1)
        return true;
    return ::getppid() == 1 && read_unsized("/proc/1/comm") == "svc-keeper\n";
}

/// Of a namespace that is another one's too, or of the machine itself.
Result<Delegated> root_of_container(const std::string& path) {
    auto opened = open_delegated_cgroup(path);
    if (!opened)
        return opened;
    // The root of the whole hierarchy has no type.
    if (!has_file(opened->directory.get(), "cgroup.type"))
        return Error{"this process is in the machine's root cgroup, not in one of its own"};
    const std::string processes = "\n" + read_cgroup(opened->directory.get(), "cgroup.procs");
    if (processes.find("\n0\n") != std::string::npos)
        return Error{"processes of another pid namespace are in the cgroup " + path};
    return opened;
}

Result<Delegated> find_at(const CgroupPlace& place) {
    const std::string here = place.mount + place.below;
    const std::string below = above_leaf(place.below);
    const std::string above = place.mount + below;
    if (const auto unit = own_unit()) {
        if (is_marked(here))
            return open_delegated_cgroup(here);
        if (is_marked(above))
            return open_delegated_cgroup(above);
        auto told = ask_for_delegated_cgroup(*unit);
        // A scope below user@1000.service looks like that unit, whose group is its manager's.
        if (told && told->path != here && told->path != above)
            return Error{"this process is not in the cgroup of the unit " + unit->name +
                         ", but somewhere below it (--cgroup DIR names one)"};
        return told;
    }
    if (place.whole && below.empty() && is_first_process())
        return root_of_container(above);
    return Error{"no service manager gave a cgroup to this process (--cgroup DIR names one)"};
}

} // namespace

std::optional<CgroupPlace> place_cgroup(std::string_view cgroups, std::string_view mountinfo) {
    const auto path = own_line(cgroups);
    if (!path || goes_up(*path))
        return std::nullopt;
    for (const Mount& mount : cgroup2_mounts(mountinfo)) {
        std::string_view rest = *path;
        if (mount.root != "/") {
            if (!rest.starts_with(mount.root))
                continue;
            rest.remove_prefix(mount.root.size());
            if (!rest.empty() && rest.front() != '/')
                continue;
        }
        return CgroupPlace{mount.point, rest == "/" ? "" : std::string(rest), mount.root == "/"};
    }
    return std::nullopt;
}

Result<Delegated> find_delegated_cgroup() {
    const auto place = own_place();
    if (!place)
        return Error{"this process is in no cgroup of version 2 that can be seen from here"};
    return find_at(*place);
}

Result<Delegated> open_delegated_cgroup(const std::string& path) {
    UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return system_error("cannot open the cgroup " + path, errno);
    struct statfs system {};
    if (::fstatfs(directory.get(), &system) != 0 || system.f_type != CGROUP2_SUPER_MAGIC)
        return Error{path + " is no cgroup of version 2"};
    for (const char* file : {".", "cgroup.procs", "cgroup.subtree_control"})
        if (::faccessat(directory.get(), file, W_OK, AT_EACCESS) != 0)
            return system_error("the cgroup " + path + " cannot be written to", errno);
    return Delegated{std::move(directory), path};
}

std::optional<std::string> told_cgroup(std::string_view said) {
    std::optional<std::string> cgroup;
    bool delegated = false;
    for (const auto line : split(said, '\n')) {
        if (constexpr std::string_view key = "ControlGroup="; line.starts_with(key) && line != key)
            cgroup = line.substr(key.size());
        delegated = delegated || line == "Delegate=yes";
    }
    return delegated ? cgroup : std::nullopt;
}

Result<Delegated> ask_for_delegated_cgroup(const OwnUnit& unit) {
    std::vector<std::string> command = {"systemctl", "show", "--property=ControlGroup,Delegate",
                                        unit.name};
    if (unit.of_user)
        command.insert(command.begin() + 1, "--user");
    auto asked = start_program(command);
    const auto said =
        asked ? await_answer(std::move(*asked), answer_bound) : Result<std::string>(asked.error());
    if (!said)
        return Error{"whether the unit " + unit.name + " has Delegate=yes is not known: " +
                     said.error().message + "; --cgroup DIR names the cgroup, if it has"};
    const auto cgroup = told_cgroup(*said);
    if (!cgroup)
        return Error{"the unit " + unit.name + " has no Delegate=yes"};
    const auto place = place_cgroup("0::" + *cgroup, read_unsized("/proc/self/mountinfo"));
    if (!place || place->below.empty())
        return Error{"there is no cgroup " + *cgroup + " here"};
    return open_delegated_cgroup(place->mount + place->below);
}

std::optional<std::set<std::string>> machine_controllers() {
    const auto mounts = cgroup2_mounts(read_unsized("/proc/self/mountinfo"));
    if (mounts.empty())
        return std::nullopt;
    return read_controllers(read_unsized(mounts.front().point + "/cgroup.controllers"));
}

} // namespace svc::os
