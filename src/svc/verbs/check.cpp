// check: what `svc reload` would say of a service file, and what the file means.
#include "base/text.h"
#include "svc/draw/explanation.h"
#include "svc/talk/conversation.h"
#include "svc/verbs/service_text.h"
#include "svc/verbs/this_machine.h"
#include "wire/guarantee.h"
#include "wire/service_file.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
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

/// What is found: mistakes, or else what the file means.
struct Findings {
    std::vector<wire::Mistake> mistakes;
    std::vector<wire::Paragraph> explanation;
    std::vector<Note> notes;
};

boost::json::value to_json(const Source& source, const Findings& found) {
    boost::json::array mistakes;
    for (const auto& mistake : found.mistakes)
        mistakes.push_back({{"line", mistake.line},
                            {"column", mistake.column},
                            {"key", mistake.key},
                            {"message", mistake.message}});
    boost::json::array explanation;
    for (const auto& paragraph : found.explanation)
        explanation.push_back(
            {{"about", paragraph.about},
             {"lines", boost::json::array(paragraph.lines.begin(), paragraph.lines.end())}});
    boost::json::array notes;
    for (const auto& note : found.notes)
        notes.push_back({{"key", note.key}, {"message", note.message}});
    return {{"file", source.file},
            {"service", source.service},
            {"mistakes", std::move(mistakes)},
            {"explanation", std::move(explanation)},
            {"notes", std::move(notes)}};
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
    Findings found{.mistakes = read->mistakes};
    if (found.mistakes.empty()) {
        found.explanation = explain(read->spec, source->service);
        found.notes = notes_on_this_machine(read->spec);
    }
    const int status = found.mistakes.empty() ? exit_done : exit_service_file;
    if (options.json) {
        print_json(to_json(*source, found), console);
        return status;
    }
    for (const auto& mistake : found.mistakes)
        console.err(safe(wire::format_mistake(source->file, mistake)) + '\n');
    if (!found.mistakes.empty())
        return status;
    console.out(safe(source->file) + ": no mistakes\n\n" +
                draw_explanation(found.explanation, width_for(console)));
    for (const auto& note : found.notes)
        console.err("On this machine: " + safe(note.key + ": " + note.message) + '\n');
    return status;
}

} // namespace svc::cli
