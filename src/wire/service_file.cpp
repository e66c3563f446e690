#include "wire/service_file.h"

#include "base/text.h"
#include "wire/service_file/presets.h"
#include "wire/service_file/sections.h"

#include <algorithm>
#include <toml++/toml.h>

namespace svc::wire {

namespace {

using namespace service_file;

void section(Table& root, std::string_view name, auto& into, auto read) {
    auto table = root.read_table(name, "a table");
    if (table)
        read(*table, into);
}

void read_root(Table& root, rollout::Spec& spec) {
    if (!root.has("service"))
        root.mistakes().add({}, "service",
                            "the table is missing; write [service] and below it "
                            "command = [\"/usr/bin/web\"]");
    section(root, "service", spec.process, read_process);
    read_listeners(root, spec.listeners);
    section(root, "ready", spec.ready, read_ready);
    section(root, "live", spec.live, read_live);
    section(root, "rollout", spec.rollout, read_rollout);
    section(root, "stop", spec.stop, read_stop);
    section(root, "restart", spec.restart, read_restart);
    section(root, "recycle", spec.recycle, read_recycle);
    section(root, "log", spec.log, read_log);
    section(root, "limits", spec.limits, read_cgroup_limits);
    section(root, "metrics", spec.metrics, read_metrics);
    root.finish();
}

/// "listener[2].address" → "[[listener]] 2, address"; "rollout.max_surge" → "[rollout] max_surge".
std::string readable_key(std::string_view key) {
    constexpr std::string_view listener = "listener[";
    if (key.starts_with(listener)) {
        const std::size_t end = std::min(key.find(']'), key.size());
        std::string readable = "[[listener]] ";
        readable += key.substr(listener.size(), end - listener.size());
        if (end + 2 <= key.size())
            readable += ", " + std::string(key.substr(end + 2));
        return readable;
    }
    const std::size_t dot = key.find('.');
    if (dot == std::string_view::npos)
        return std::string(key);
    return '[' + std::string(key.substr(0, dot)) + "] " + std::string(key.substr(dot + 1));
}

} // namespace

namespace service_file {

ParsedToml parse_toml(std::string_view text) {
    ParsedToml parsed;
    if (text.size() > service_file_limit)
        parsed.wrong = Mistake{0, 0, "",
                               "a service file has at most 1 MiB; this one has " +
                                   std::to_string(text.size()) + " bytes"};
    else
        parsed.wrong = find_deep_nesting(text);
    if (parsed.wrong)
        return parsed;
    try {
        parsed.root = toml::parse(text);
    } catch (const toml::parse_error& error) {
        const toml::source_position where = error.source().begin;
        parsed.wrong = Mistake{where.line, where.column, "",
                               "this is not TOML: " + printable(error.description(), 300)};
    }
    return parsed;
}

std::vector<Mistake> find_unreadable(const toml::table& file) {
    Mistakes mistakes;
    Table root(file, "", mistakes);
    rollout::Spec ignored;
    read_root(root, ignored);
    return std::move(mistakes).sorted();
}

ParsedServiceFile read_service_file(const toml::table& file) {
    ParsedServiceFile result;
    Mistakes mistakes;
    Table root(file, "", mistakes);
    read_root(root, result.spec);
    std::vector<Finding> findings = find_impossible(result.spec);
    find_wrong_texts(result.spec, findings);
    for (const Finding& finding : findings) {
        // What follows from something that could not be read is not one more.
        bool follows = mistakes.about(finding.key);
        for (const std::string& also : finding.also)
            follows = follows || mistakes.about(also);
        if (!follows)
            mistakes.add(locate(file, finding.key), finding.key, finding.message,
                         Mistakes::Value::readable);
    }
    result.mistakes = std::move(mistakes).sorted();
    return result;
}

} // namespace service_file

ParsedServiceFile parse_service_file(std::string_view text, const PresetPlace& presets) {
    ParsedToml parsed = parse_toml(text);
    if (parsed.wrong)
        return {.spec = {}, .mistakes = {std::move(*parsed.wrong)}};
    // Without what a preset was to bring, most of what could be said of the rest would be wrong.
    if (auto wrong = begin_with_preset(parsed.root, presets))
        return {.spec = {}, .mistakes = {std::move(*wrong)}};
    ParsedServiceFile read = read_service_file(parsed.root);
    if (parsed.root["service"]["preset"])
        for (Mistake& mistake : read.mistakes)
            if (!mistake.key.empty() && has_no_place(parsed.root, mistake.key))
                mistake.message += " (the preset says so, not this file)";
    return read;
}

std::string format_mistake(std::string_view file, const Mistake& mistake) {
    std::string line(file);
    if (mistake.line != 0)
        line += (line.empty() ? "" : ":") + std::to_string(mistake.line) + ':' +
                std::to_string(mistake.column);
    if (!line.empty())
        line += ": ";
    if (!mistake.key.empty())
        line += readable_key(mistake.key) + ": ";
    return line + mistake.message;
}

} // namespace svc::wire
