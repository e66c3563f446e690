#include "svcd/front/loader.h"

#include "base/text.h"
#include "os/executable.h"
#include "os/files.h"
#include "svcd/front/environment_file.h"
#include "svcd/front/trial.h"
#include "svcd/host/history/executable_choice.h"
#include "wire/service_file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/resource.h>
#include <unistd.h>

namespace svc::daemon {

namespace {

using rollout::Credentials;
using rollout::FileIdentity;
using rollout::ProcessSpec;
using rollout::Revision;

FileIdentity look_at(const std::string& path) {
    const auto stat = os::stat_file(path);
    return stat ? identity_of(path, *stat) : FileIdentity{.path = path};
}

/// Fills one revision, step by step; a step that fails notes why and lets the next ones find their
/// own mistakes.
class Loader {
public:
    explicit Loader(const Settings& settings) : settings_(settings) {}

    Loaded load(rollout::Cause cause, WallTime now) {
        loaded_.revision.cause = std::move(cause);
        loaded_.revision.made_at = now;
        if (read_spec() && resolve_release()) {
            give_back_descriptor_limit();
            expand_all();
            read_environment_files();
            find_credentials();
            find_executable();
            find_program();
            identify_inputs();
        }
        return std::move(loaded_);
    }

private:
    [[nodiscard]] Revision& revision() { return loaded_.revision; }
    [[nodiscard]] ProcessSpec& process() { return loaded_.revision.spec.process; }
    [[nodiscard]] std::string where() const {
        return settings_.service_file.empty() ? "command line" : settings_.service_file;
    }
    void mistake(std::string text, Loaded::Flaw flaw = Loaded::Flaw::names_unusable) {
        loaded_.mistakes.push_back(std::move(text));
        loaded_.flaw = std::max(loaded_.flaw, flaw);
    }
    /// A mistake in what the service file says under `key`.
    void file_mistake(const std::string& key, const std::string& text) {
        mistake(where() + ": " + key + ": " + text, Loaded::Flaw::file_wrong);
    }

    bool read_spec() {
        if (settings_.inline_spec) {
            revision().spec = *settings_.inline_spec;
            return fits_trial();
        }
        auto text = os::read_file(settings_.service_file, wire::service_file_limit);
        if (!text) {
            mistake(text.error().message, Loaded::Flaw::file_unreadable);
            return false;
        }
        auto parsed = wire::parse_service_file(
            *text, {wire::preset_directory(settings_.service_file), [](const std::string& path) {
                        return os::read_file(path, wire::service_file_limit);
                    }});
        revision().service_file = std::move(*text);
        for (const auto& wrong : parsed.mistakes)
            mistake(wire::format_mistake(settings_.service_file, wrong), Loaded::Flaw::file_wrong);
        revision().spec = std::move(parsed.spec);
        return loaded_.ok() && fits_trial();
    }

    bool fits_trial() {
        if (settings_.trial)
            for (const auto& wrong : adapt_to_trial(revision().spec, *settings_.trial))
                mistake(wrong, Loaded::Flaw::file_wrong);
        return loaded_.ok();
    }

    /// Ours was raised when we started; a worker gets what it would have got without us, unless its
    /// service file says otherwise. Both sides of a comparison have it, so it is never a change.
    void give_back_descriptor_limit() {
        rlimit ours{};
        if (settings_.original_nofile_soft == RLIM_INFINITY ||
            ::getrlimit(RLIMIT_NOFILE, &ours) != 0)
            return;
        process().limits.try_emplace(
            "nofile", rollout::ResourceLimit{settings_.original_nofile_soft, ours.rlim_max});
    }

    bool resolve_release() {
        if (process().release.empty())
            return true;
        auto resolved = os::resolve_path(process().release);
        if (!resolved) {
            mistake(where() + ": service.release: " + resolved.error().message);
            return false;
        }
        std::error_code ignored;
        if (!std::filesystem::is_directory(*resolved, ignored)) {
            mistake(where() + ": service.release: " + process().release +
                    " is not a directory; point it at the directory of one release");
            return false;
        }
        revision().release = std::move(*resolved);
        return true;
    }

    std::string expand(const std::string& key, const std::string& text) {
        auto expanded = wire::expand(text, revision().release);
        if (expanded)
            return std::move(*expanded);
        file_mistake(key, expanded.error().message);
        return {};
    }

    /// Command, directory and environment are kept expanded in the revision. Hooks and probes,
    /// which are expanded when they run, are tried here, so that a wrong name is found now.
    void expand_all() {
        // A command line was expanded by the shell that it was typed into.
        for (const auto& argument : process().command)
            revision().command.push_back(
                settings_.inline_spec ? argument : expand("service.command", argument));
        for (const auto& argument : process().check)
            loaded_.check.push_back(expand("service.check", argument));
        // Those of the command line are the caller's own and stand as they are.
        if (!settings_.inline_spec)
            for (auto& [name, value] : process().environment)
                value = expand("service.environment." + name, value);
        if (!settings_.inline_spec)
            process().directory = expand("service.directory", process().directory);
        const std::string& directory = process().directory;
        if (!directory.empty() && ::access(directory.c_str(), X_OK) != 0)
            mistake(system_error(where() + ": service.directory: cannot enter " + directory, errno)
                        .message);
        for (const auto& named : wire::commands_of(revision().spec))
            for (const auto& argument : *named.command)
                expand(named.key, argument);
    }

    void read_environment_files() {
        for (const auto& written : process().environment_files) {
            const bool optional = written.starts_with('-');
            const std::string path =
                expand("service.environment_files", optional ? written.substr(1) : written);
            if (path.empty())
                continue;
            auto text = os::read_file(path, environment_file_limit);
            if (!text) {
                if (!(optional && text.error().code == ENOENT))
                    mistake(where() + ": service.environment_files: " + text.error().message);
                continue;
            }
            auto parsed = parse_environment(*text);
            for (const auto& wrong : parsed.mistakes)
                mistake(path + ":" + std::to_string(wrong.line) + ": " + wrong.message);
            for (auto& [name, value] : parsed.variables)
                revision().file_environment.insert_or_assign(name, std::move(value));
        }
    }

    void find_credentials() {
        Credentials found{.uid = ::geteuid(), .gid = ::getegid()};
        if (!process().user.empty()) {
            auto user = os::find_user(process().user);
            if (!user) {
                mistake(where() + ": service.user: " + user.error().message);
                return;
            }
            found.uid = user->uid;
            found.gid = user->gid;
            found.user = user->name;
            found.home = user->home;
            found.shell = user->shell;
            found.groups.assign(user->groups.begin(), user->groups.end());
        }
        add_groups(found);
        // An unprivileged supervisor may name its own user: nothing is to be set then.
        found.set = !(found.uid == ::geteuid() && found.gid == ::getegid()) ||
                    (::geteuid() == 0 && !process().user.empty()) ||
                    !process().supplementary_groups.empty();
        revision().credentials = std::move(found);
    }

    void add_groups(Credentials& found) {
        const auto add = [&](gid_t gid) {
            if (std::find(found.groups.begin(), found.groups.end(), gid) == found.groups.end())
                found.groups.push_back(gid);
        };
        if (!process().group.empty()) {
            if (auto group = os::find_group(process().group))
                found.gid = *group;
            else
                mistake(where() + ": service.group: " + group.error().message);
        }
        add(found.gid);
        for (const auto& name : process().supplementary_groups) {
            if (auto group = os::find_group(name))
                add(*group);
            else
                mistake(where() + ": service.supplementary_groups: " + group.error().message);
        }
    }

    /// The worker's own PATH decides, as it would if the worker's shell started the program.
    [[nodiscard]] std::string search_path() {
        if (const auto own = revision().file_environment.find("PATH");
            own != revision().file_environment.end())
            return own->second;
        if (const auto own = process().environment.find("PATH"); own != process().environment.end())
            return own->second;
        return std::string(os::default_search_path);
    }

    void find_executable() {
        if (revision().command.empty() || revision().command.front().empty())
            return; // a mistake already, or one of expansion
        const std::string base = process().directory.empty() ? "/" : process().directory;
        auto found = os::find_executable(revision().command.front(), search_path(), base);
        if (!found) {
            mistake(where() + ": service.command: " + found.error().message);
            return;
        }
        const std::string prefix = base == "/" ? base : base + '/';
        std::string path = found->starts_with('/') ? std::move(*found) : prefix + *found;
        // "./app" of a command line: only for the eye, so ".." stays what the kernel makes of it.
        for (auto at = path.find("/./"); at != std::string::npos; at = path.find("/./", at))
            path.erase(at, 2);
        revision().executable = std::move(path);
        open_executable();
    }

    /// The identity is that of the open file: what stands at the path may be another one a moment
    /// later. One that may be executed and not read is known by its path alone.
    void open_executable() {
        auto opened = os::open_executable(revision().executable);
        if (!opened) {
            revision().executable_identity = look_at(revision().executable);
            return;
        }
        revision().executable_identity = identity_of(revision().executable, opened->stat);
        if (opened->kind == os::FileKind::script)
            revision().executable_kind = rollout::ExecutableKind::script;
        if (opened->kind != os::FileKind::elf)
            return;
        revision().executable_kind = rollout::ExecutableKind::elf;
        revision().build_id = std::move(opened->build_id);
        loaded_.executable = std::move(opened->fd);
    }

    void find_program() {
        const auto program = os::find_program(revision().command, process().directory);
        if (program)
            revision().program_identity = look_at(*program);
        if (process().keep_executable != rollout::KeepExecutable::copy ||
            revision().executable.empty())
            return;
        const std::string what = where() + ": service.keep_executable: \"copy\" keeps ";
        if (program)
            mistake(what + revision().executable + ", and not " + *program +
                    ", which it runs; put that into a release directory (service.release)");
        else if (revision().executable_kind != rollout::ExecutableKind::elf)
            mistake(what + "an ELF file that the supervisor may read, and " +
                    revision().executable +
                    " is none; put it into a release directory (service.release)");
    }

    void identify_inputs() {
        for (const auto& input : process().inputs) {
            const std::string path = expand("service.inputs", input);
            if (!path.empty())
                revision().input_identities.push_back(look_at(path));
        }
    }

    const Settings& settings_;
    Loaded loaded_;
};

} // namespace

Loaded load_revision(const Settings& settings, rollout::Cause cause, WallTime now) {
    return Loader(settings).load(std::move(cause), now);
}

} // namespace svc::daemon
