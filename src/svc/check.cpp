// check: what `svc reload` would say of a service file, and what the file means.
#include "base/text.h"
#include "os/executable.h"
#include "os/files.h"
#include "svc/conversation.h"
#include "wire/guarantee.h"
#include "wire/service_file.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <cerrno>
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
Result<Source> find_source(const Options& options) {
    const std::string& given = options.name;
    struct stat found {};
    if (given.find('/') != std::string::npos || given.ends_with(".toml") ||
        (!given.empty() && ::stat(given.c_str(), &found) == 0))
        return Source{given, stem(given)};
    const auto service = choose_service(given, runtime_directories(options.runtime_dir));
    if (!service && service.error().code == ENOENT)
        return Error{service.error().message +
                         "; to check a file that no supervisor runs, give its path",
                     ENOENT};
    if (!service)
        return service.error();
    const auto answer = ask_status(*service);
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

/// What is true of this machine and not of the file: it may be checked on another one.
std::vector<std::string> notes_on(const rollout::Spec& spec) {
    std::string release;
    if (!spec.process.release.empty()) {
        auto resolved = os::resolve_path(spec.process.release);
        if (!resolved)
            return {"service.release: " + resolved.error().message};
        release = std::move(*resolved);
    }
    const auto executable = wire::expand(spec.process.command.front(), release);
    if (!executable)
        return {"service.command: " + executable.error().message};
    const auto found =
        os::find_executable(*executable, os::default_search_path, spec.process.directory);
    if (!found)
        return {"service.command: " + found.error().message};
    return {};
}

/// As the loader finds it (svcd); nothing if the program is not on this machine.
std::vector<std::string> guarantee_on_this_machine(const rollout::Spec& spec) {
    rollout::Revision revision;
    revision.spec = spec;
    if (!spec.process.release.empty())
        if (auto resolved = os::resolve_path(spec.process.release))
            revision.release = std::move(*resolved);
    for (const std::string& word : spec.process.command)
        if (auto expanded = wire::expand(word, revision.release))
            revision.command.push_back(std::move(*expanded));
    if (revision.command.empty())
        return {};
    const auto found = os::find_executable(revision.command.front(), os::default_search_path,
                                           spec.process.directory);
    if (!found)
        return {};
    revision.executable = *found;
    if (const auto opened = os::open_executable(*found)) {
        if (opened->kind == os::FileKind::elf)
            revision.executable_kind = rollout::ExecutableKind::elf;
        else if (opened->kind == os::FileKind::script)
            revision.executable_kind = rollout::ExecutableKind::script;
    }
    if (auto program = os::find_program(revision.command, spec.process.directory))
        revision.program_identity.path = std::move(*program);
    return {wire::describe(wire::guarantee_of(revision))};
}

} // namespace

int check_file(const Options& options, const Console& console) {
    const auto source = find_source(options);
    if (!source)
        return fail(source.error(), console);
    const auto text = os::read_file(source->file, wire::service_file_limit);
    if (!text) {
        console.err("svc: " + safe(text.error().message) + '\n');
        return exit_service_file;
    }
    const auto parsed = wire::parse_service_file(*text);
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
    console.out(safe(source->file) + ": no mistakes\n");
    console.out(wire::explain_spec(parsed.spec, source->service));
    for (const auto& line : guarantee_on_this_machine(parsed.spec))
        console.out("After a crash: " + safe(line) + '\n');
    for (const auto& note : notes_on(parsed.spec))
        console.err("On this machine: " + safe(note) + '\n');
    return exit_done;
}

} // namespace svc::cli
