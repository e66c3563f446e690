#include "svc/options/syntax.h"

#include "base/result.h"
#include "svc/options/typed.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace svc::cli {
namespace {

/// By an option's name, or by what its value is called in the help; "VERB NAME" goes before "NAME".
constexpr std::array<std::pair<std::string_view, Means>, 20> meanings = {{
    {"--to", Means::revision},
    {"--revision", Means::revision},
    {"--replica", Means::replica},
    {"preset NAME", Means::preset},
    {"init NAME", Means::anything}, // of one that is not there yet
    {"scale N", Means::replicas},
    {"history N", Means::revision_or_service},
    {"diff N", Means::revision_or_service},
    {"timeline N", Means::revision_or_service},
    {"check FILE", Means::service_file},
    {"try FILE", Means::service_file},
    {"NAME", Means::service},
    {"REPLICA", Means::replica},
    {"PRESET", Means::preset},
    {"FILE", Means::file},
    {"DIR", Means::directory},
    {"TIME", Means::anything},
    {"TEXT", Means::anything},
    {"NUMBER", Means::anything},
    {"ADDRESS", Means::anything},
}};

std::optional<Means> meaning(std::string_view word) {
    const auto* const found = std::find_if(meanings.begin(), meanings.end(),
                                           [&](const auto& each) { return each.first == word; });
    return found == meanings.end() ? std::nullopt : std::optional(found->second);
}

Means meaning_of(const std::string& verb, const std::string& name, const std::string& type) {
    for (const auto& word : {name, verb + ' ' + type, type})
        if (const auto known = meaning(word))
            return *known;
    fatal("completion is not told what " + type + " of svc " + verb +
          " means (options/syntax.cpp)");
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

OptionSyntax syntax_of(const CLI::Option& option, const std::string& verb) {
    OptionSyntax syntax;
    for (const auto& name : option.get_lnames())
        syntax.names.push_back("--" + name);
    for (const auto& name : option.get_snames())
        syntax.names.push_back("-" + name);
    syntax.summary = one_line(option.get_description());
    if (option.get_items_expected_max() > 0) {
        syntax.value = meaning_of(verb, syntax.names.front(), option.get_type_name());
        syntax.repeats = option.get_expected_max() > 1;
    }
    return syntax;
}

Syntax syntax_of(const CLI::App& app, const std::string& verb) {
    Syntax syntax;
    syntax.name = verb;
    syntax.summary = one_line(app.get_description());
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional())
            syntax.words.push_back({meaning_of(verb, {}, option->get_name(true)),
                                    static_cast<unsigned>(option->get_items_expected_max())});
        else
            syntax.options.push_back(syntax_of(*option, verb));
    }
    syntax.takes_command = verb == verb_name(Verb::try_out) || verb == verb_name(Verb::init);
    return syntax;
}

} // namespace

Syntax syntax_of_svc() {
    Typed typed;
    CLI::App app;
    app.set_version_flag("--version", "");
    add_common(app, typed);
    add_verbs(app, typed);
    Syntax syntax = syntax_of(app, "");
    for (const CLI::App* verb : app.get_subcommands({}))
        syntax.verbs.push_back(syntax_of(*verb, verb->get_name()));
    // A verb's own ones first, then those that every verb has.
    for (Syntax& verb : syntax.verbs)
        std::stable_partition(verb.options.begin(), verb.options.end(),
                              [&](const OptionSyntax& option) {
                                  return std::none_of(syntax.options.begin(), syntax.options.end(),
                                                      [&](const OptionSyntax& each) {
                                                          return each.names == option.names;
                                                      });
                              });
    return syntax;
}

} // namespace svc::cli
