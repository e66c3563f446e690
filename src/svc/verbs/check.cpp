// check: what `svc reload` would say of a service file, and what the file means.
#include "base/text.h"
#include "os/delegation.h"
#include "os/executable.h"
#include "os/files.h"
#include "svc/draw/explanation.h"
#include "svc/talk/conversation.h"
#include "svc/verbs/service_text.h"
#include "wire/guarantee.h"
#include "wire/limit_files.h"
#include "wire/service_file.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <sys/stat.h>

namespace svc::cli {
namespace {

struct Source {
    std::string file;
    std::string service;
};

std::string stem(const std::string& path) {
    const auto slash = path.rfind('/');
    std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    if (const auto dot = name.rfind('.'); dot != std::string::npos && dot > 0)
        name.resize(dot);
    return name;
}

/// A path, or the file of a running service. What could be both is the file, if there is one.
Result<Source> find_source(const Options& options, const Console& console) {
    const std::string& given = options.name;
    struct stat found {};
    if (given.find('/') != std::string::npos || given.ends_with(".toml") ||
        (!given.empty() && ::stat(given.c_str(), &found) == 0))
        return Source{given, stem(given)};
    const auto service = choose_service(options, console);
    if (!service && service.error().code == ENOENT)
        return Error{service.error().message +
                         "; to check a file that no supervisor runs, give its path",
                     ENOENT};
    if (!service)
        return service.error();
    const auto answer = ask_status(*service, console.patience);
    if (!answer && answer.error().code == ENOENT)
        return Error{"there is no file " + given + " here, and " + answer.error().message, ENOENT};
    if (!answer)
        return answer.error();
    if (answer->status.service_file.empty())
        return Error{service->name + " has no service file: its supervisor was told everything on "
                                     "its command line"};
    return Source{answer->status.service_file, service->name};
}

boost::json::value to_json(const Source& source, const std::vector<wire::Mistake>& mistakes) {
    boost::json::array list;
    for (const auto& mistake : mistakes)
        list.push_back({{"line", mistake.line},
                        {"column", mistake.column},
                        {"key", mistake.key},
                        {"message", mistake.message}});
    return {{"file", source.file}, {"service", source.service}, {"mistakes", std::move(list)}};
}

/// What is true of this machine and not of the file: it may be checked on another one. Users and
/// groups are the supervisor's to look up: this program is linked statically and knows no NSS.
class MachineNotes {
public:
    explicit MachineNotes(const rollout::Spec& spec) : process_(spec.process) {
        if (!process_.release.empty()) {
            auto resolved = os::resolve_path(process_.release);
            if (!resolved) {
                note("service.release", resolved.error());
                return; // the rest may be in it
            }
            release_ = std::move(*resolved);
        }
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
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

private:
    void note(const std::string& key, const Error& error) {
        notes_.push_back(key + ": " + error.message);
    }
    std::optional<std::string> expanded(const std::string& key, const std::string& text) {
        auto result = wire::expand(text, release_);
        if (result)
            return std::move(*result);
        note(key, result.error());
        return std::nullopt;
    }
    void program(const std::string& key, const std::vector<std::string>& command) {
        if (command.empty())
            return;
        const auto name = expanded(key, command.front());
        if (!name)
            return;
        if (auto found = os::find_executable(*name, os::default_search_path, process_.directory);
            !found)
            note(key, found.error());
    }
    /// What a supervisor gets of them is its service manager's to say; what the machine has not, nobody gets.
    void limits(const std::optional<rollout::LimitsSpec>& wanted) {
        if (!wanted)
            return;
        const auto there = os::machine_controllers();
        std::set<std::string> told; // a limit may be several files
        for (const wire::LimitFile& file : wire::limit_files(*wanted))
            if (!(there && there->contains(file.controller)) && told.insert(file.key).second)
                notes_.push_back(
                    "limits." + file.key + ": not enforced, " +
                    (there ? "cgroups of version 2 have no " + file.controller + " controller here"
                           : "there are no cgroups of version 2"));
    }
    void there(const std::string& key, const std::string& text) {
        const auto path = expanded(key, text);
        if (!path)
            return;
        if (auto found = os::resolve_path(*path); !found)
            note(key, found.error());
    }

    const rollout::ProcessSpec& process_;
    std::string release_;
    std::vector<std::string> notes_;
};

/// The revision that the file would be here, as the loader (svcd) makes it; without an executable, if the program is
/// not on this machine.
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
    const auto found =
        os::find_executable(revision.command.front(), os::default_search_path, directory);
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

std::vector<wire::Paragraph> explain(const rollout::Spec& spec, const std::string& service) {
    auto paragraphs = wire::explain_spec(spec, service);
    for (auto& kept : wire::explain_kept(revision_on_this_machine(spec)))
        paragraphs.push_back(std::move(kept));
    return paragraphs;
}

/// Of a terminal's width, up to what can be read well; elsewhere the same everywhere.
std::size_t width_for(const Console& console) {
    return console.terminal.width == 0 ? 80 : std::min<std::size_t>(console.terminal.width, 100);
}

} // namespace

int check_file(const Options& options, const Console& console) {
    const auto source = find_source(options, console);
    if (!source)
        return fail(source.error(), console);
    const auto read = read_service_file(source->file);
    if (!read) {
        console.err("svc: " + safe(read.error().message) + '\n');
        return exit_service_file;
    }
    const wire::ParsedServiceFile& parsed = *read;
    if (options.json)
        print_json(to_json(*source, parsed.mistakes), console);
    if (!parsed.mistakes.empty()) {
        if (!options.json)
            for (const auto& mistake : parsed.mistakes)
                console.err(safe(wire::format_mistake(source->file, mistake)) + '\n');
        return exit_service_file;
    }
    if (options.json)
        return exit_done;
    console.out(safe(source->file) + ": no mistakes\n\n" +
                draw_explanation(explain(parsed.spec, source->service), width_for(console)));
    const MachineNotes machine(parsed.spec);
    for (const auto& note : machine.notes())
        console.err("On this machine: " + safe(note) + '\n');
    return exit_done;
}

} // namespace svc::cli
