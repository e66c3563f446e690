#include "svc/verbs/this_machine.h"

#include "base/text.h"
#include "os/delegation.h"
#include "os/executable.h"
#include "os/reach.h"
#include "wire/limit_files.h"
#include "wire/service_file.h"

#include <optional>
#include <set>
#include <unistd.h>

namespace svc::cli {
namespace {

/// Where a worker would find it: relative to its directory, else in the usual PATH.
Result<std::string> find_program(const std::string& name, const std::string& directory) {
    return os::find_executable(name, os::default_search_path, directory.empty() ? "/" : directory);
}

/// The kernel reads a script as whoever runs it.
int use_of_program(const std::string& path) {
    const auto opened = os::open_executable(path);
    return opened && opened->kind == os::FileKind::script ? R_OK | X_OK : X_OK;
}

class MachineNotes {
public:
    explicit MachineNotes(const rollout::Spec& spec) : process_(spec.process) {
        if (!process_.release.empty()) {
            auto resolved = os::resolve_path(process_.release);
            if (!resolved) {
                note("service.release", resolved.error().message);
                return; // the rest may be in it
            }
            release_ = std::move(*resolved);
        }
        if (auto expanded = wire::expand(process_.directory, release_))
            directory_ = std::move(*expanded);
        program("service.command", process_.command);
        program("service.check", process_.check);
        if (!process_.directory.empty())
            there("service.directory", process_.directory);
        for (const auto& file : process_.environment_files)
            if (!file.starts_with('-'))
                there("service.environment_files", file);
        for (const auto& input : process_.inputs)
            there("service.inputs", input);
        for (const auto& named : wire::commands_of(spec))
            program(named.key, *named.command);
        limits(spec.limits);
    }
    void note(const std::string& key, const std::string& message) {
        notes.push_back({key, message});
    }
    std::vector<Note> notes;

private:
    std::optional<std::string> expanded(const std::string& key, const std::string& text) {
        auto result = wire::expand(text, release_);
        if (result)
            return std::move(*result);
        note(key, result.error().message);
        return std::nullopt;
    }
    void program(const std::string& key, const std::vector<std::string>& command) {
        if (command.empty())
            return;
        const auto name = expanded(key, command.front());
        if (!name)
            return;
        if (auto found = find_program(*name, directory_); !found)
            note(key, found.error().message);
    }
    /// What a supervisor gets of them is its service manager's to say; what the machine has not, nobody gets.
    void limits(const std::optional<rollout::LimitsSpec>& wanted) {
        if (!wanted)
            return;
        const auto there = os::machine_controllers();
        std::set<std::string> told; // a limit may be several files
        for (const wire::LimitFile& file : wire::limit_files(*wanted))
            if (!(there && there->contains(file.controller)) && told.insert(file.key).second)
                note("limits." + file.key,
                     "not enforced, " + (there ? "cgroups of version 2 have no " + file.controller +
                                                     " controller here"
                                               : std::string("there are no cgroups of version 2")));
    }
    void there(const std::string& key, const std::string& text) {
        const auto path = expanded(key, text);
        if (!path)
            return;
        if (auto found = os::resolve_path(*path); !found)
            note(key, found.error().message);
    }

    const rollout::ProcessSpec& process_;
    std::string release_;
    std::string directory_;
};

/// What the workers' user has to be able to do, and under which key that stands.
struct NamedUse {
    std::string key;
    os::Use use;
    std::string verb; ///< "execute"
};

/// Commands of hooks and probes, and the check, run as the workers' user, too.
std::vector<NamedUse> uses_of(const rollout::Revision& made) {
    std::vector<NamedUse> uses;
    const rollout::ProcessSpec& process = made.spec.process;
    const auto directory = wire::expand(process.directory, made.release);
    if (directory && !directory->empty())
        uses.push_back({"service.directory", {*directory, X_OK}, "enter"});
    const auto program = [&](const std::string& key, const std::vector<std::string>& command) {
        const auto name = wire::expand(command.empty() ? "" : command.front(), made.release);
        if (!name || !directory || name->empty())
            return;
        if (const auto found = find_program(*name, *directory))
            uses.push_back({key, {*found, use_of_program(*found)}, "execute"});
    };
    program("service.command", process.command);
    if (!made.program_identity.path.empty())
        uses.push_back({"service.command", {made.program_identity.path, R_OK}, "read"});
    program("service.check", process.check);
    for (const auto& named : wire::commands_of(made.spec))
        program(named.key, *named.command);
    for (const auto& input : process.inputs)
        if (const auto path = wire::expand(input, made.release))
            uses.push_back({"service.inputs", {*path, R_OK}, "read"});
    return uses;
}

/// As /etc/passwd and /etc/group have them; `notes` gets what they do not know.
std::optional<os::User> user_of(const rollout::ProcessSpec& process, std::vector<Note>& notes) {
    os::User user{.uid = ::geteuid(), .gid = ::getegid(), .name = "root"};
    const auto unknown = [&](const std::string& key, const std::string& what) {
        notes.push_back({key, "neither /etc/passwd nor /etc/group has " + what +
                                  ", so that nothing is known here of what it may do"});
        return std::nullopt;
    };
    if (!process.user.empty()) {
        auto found = os::user_in_files(process.user);
        if (!found)
            return unknown("service.user", "the user " + process.user);
        user = std::move(*found);
    }
    if (!process.group.empty()) {
        const auto group = os::group_in_files(process.group);
        if (!group)
            return unknown("service.group", "the group " + process.group);
        user.gid = *group;
    }
    for (const auto& name : process.supplementary_groups) {
        const auto group = os::group_in_files(name);
        if (!group)
            return unknown("service.supplementary_groups", "the group " + name);
        user.groups.push_back(*group);
    }
    return user;
}

/// Only root can become another user; for itself root may do everything.
void note_obstacles(const rollout::Revision& made, std::vector<Note>& notes) {
    const rollout::ProcessSpec& process = made.spec.process;
    if (::geteuid() != 0 || process.user.empty())
        return;
    const auto user = user_of(process, notes);
    if (!user || user->uid == 0)
        return;
    const auto uses = uses_of(made);
    std::vector<os::Use> asked;
    asked.reserve(uses.size());
    for (const auto& each : uses)
        asked.push_back(each.use);
    const auto obstacles = os::find_obstacles(*user, asked);
    if (!obstacles) {
        notes.push_back({"service.user", obstacles.error().message});
        return;
    }
    std::set<std::string> told; // one directory is in the way of many
    for (std::size_t i = 0; i < uses.size(); ++i) {
        const std::string& obstacle = (*obstacles)[i];
        if (obstacle.empty() || !told.insert(obstacle).second)
            continue;
        const os::Use& use = uses[i].use;
        notes.push_back({uses[i].key, "the user " + process.user + " cannot " + uses[i].verb + ' ' +
                                          use.path +
                                          (obstacle == use.path ? "" : ", because of " + obstacle) +
                                          ": " + os::permission_remedy(obstacle, *user, use.mode) +
                                          "; or put it elsewhere, or choose another service.user"});
    }
}

} // namespace

std::vector<Note> notes_on_this_machine(const rollout::Spec& spec) {
    std::vector<Note> notes = MachineNotes(spec).notes;
    note_obstacles(revision_on_this_machine(spec), notes);
    return notes;
}

rollout::Revision revision_on_this_machine(const rollout::Spec& spec) {
    rollout::Revision revision;
    revision.spec = spec;
    if (!spec.process.release.empty())
        if (auto resolved = os::resolve_path(spec.process.release))
            revision.release = std::move(*resolved);
    const auto expanded = [&](const std::string& text) {
        auto result = wire::expand(text, revision.release);
        return result ? std::move(*result) : std::string();
    };
    for (const std::string& word : spec.process.command)
        revision.command.push_back(expanded(word));
    const std::string directory = expanded(spec.process.directory);
    if (revision.command.empty())
        return revision;
    const auto found = find_program(revision.command.front(), directory);
    if (!found)
        return revision;
    revision.executable = *found;
    if (const auto opened = os::open_executable(*found)) {
        if (opened->kind == os::FileKind::elf)
            revision.executable_kind = rollout::ExecutableKind::elf;
        else if (opened->kind == os::FileKind::script)
            revision.executable_kind = rollout::ExecutableKind::script;
    }
    if (auto program = os::find_program(revision.command, directory))
        revision.program_identity.path = std::move(*program);
    return revision;
}

} // namespace svc::cli
