// The service file in plain sentences, for svc check.
#include "wire/service_file/explain.h"

#include "base/text.h"

#include <algorithm>

namespace svc::wire {

namespace {

using namespace service_file;
using rollout::ProcessSpec;
using rollout::Spec;

constexpr std::size_t names_shown = 8;
constexpr std::size_t command_shown = 200;

/// "A, B and 3 more".
std::string some_of(const std::vector<std::string>& names) {
    std::vector<std::string> shown(
        names.begin(),
        names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), names_shown)));
    return join(shown, ", ") + (names.size() > names_shown
                                    ? " and " + std::to_string(names.size() - names_shown) + " more"
                                    : "");
}

std::string identity(const ProcessSpec& process) {
    std::string text =
        process.user.empty() ? "As the supervisor's own user" : "As the user " + process.user;
    if (!process.group.empty())
        text += ", group " + process.group;
    if (!process.supplementary_groups.empty())
        text += ", also of " + some_of(process.supplementary_groups);
    return text + ", in the directory " +
           (process.directory.empty() ? std::string("/") : printable(process.directory, 200)) + '.';
}

/// Names only: values may be secret.
std::string environment(const ProcessSpec& process) {
    if (process.environment.empty() && process.environment_files.empty())
        return {};
    std::vector<std::string> names;
    for (const auto& [name, value] : process.environment)
        names.push_back(name);
    std::vector<std::string> files;
    for (const auto& file : process.environment_files)
        files.push_back(file.starts_with('-') ? file.substr(1) + " (which may be missing)" : file);
    return "In its environment: " + some_of(names) +
           (!names.empty() && !files.empty() ? ", and " : "") +
           (files.empty() ? "" : "what stands in " + some_of(files)) + '.';
}

Paragraph running(const Spec& spec) {
    const ProcessSpec& process = spec.process;
    Paragraph paragraph{"runs", {}};
    auto& lines = paragraph.lines;
    lines.push_back(workers(spec.rollout.replicas) +
                    (spec.rollout.replicas == 1 ? ": " : ", each of them: ") +
                    command_line(process.command));
    lines.push_back(identity(process));
    if (!process.release.empty())
        lines.push_back("${release} is the directory that " + printable(process.release, 200) +
                        " leads to when a revision is made; the link may be turned afterwards "
                        "without changing what runs.");
    if (auto text = environment(process); !text.empty())
        lines.push_back(std::move(text));
    if (process.pre_start)
        lines.push_back("Before each worker starts: " + hook_in_words(*process.pre_start) +
                        if_it_fails(*process.pre_start, "the worker is not started, and counts "
                                                        "as one that failed") +
                        '.');
    return paragraph;
}

} // namespace

namespace service_file {

std::string command_line(const std::vector<std::string>& command) {
    std::vector<std::string> words;
    words.reserve(command.size());
    for (const auto& word : command) // ${release} and the like stand as they are
        words.push_back(word.empty() || word.find_first_of(" \t\n'\"") != std::string::npos
                            ? shell_word(word)
                            : word);
    return printable(join(words, " "), command_shown);
}

std::string workers(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " worker" : " workers");
}

} // namespace service_file

std::vector<Paragraph> explain_spec(const Spec& spec, std::string_view name) {
    std::vector<Paragraph> all;
    for (Paragraph paragraph :
         {explain_listeners(spec), running(spec), explain_readiness(spec), explain_watching(spec),
          explain_rollout(spec), explain_stop(spec.stop), explain_limits(spec),
          explain_log(spec, name), explain_metrics(spec)})
        if (!paragraph.lines.empty())
            all.push_back(std::move(paragraph));
    return all;
}

} // namespace svc::wire
