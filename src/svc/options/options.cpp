#include "svc/options/options.h"

#include "base/text.h"
#include "svc/options/typed.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace svc::cli {
namespace {

constexpr std::size_t name_limit = 64;
constexpr std::array<std::string_view, 26> verb_names = {
    "reload", "apply",    "undo",    "pause",   "resume", "abort", "promote", "scale", "replace",
    "freeze", "unfreeze", "stop",    "upgrade", "status", "top",   "events",  "logs",  "history",
    "diff",   "timeline", "metrics", "check",   "try",    "init",  "preset",  "list"};

EndNow usage(const std::string& what) {
    return {2, "svc: " + what + "\nTry 'svc --help', or svc(1).\n"};
}

template <class Number>
bool read_number(const std::string& text, Number& number) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stop == end;
}

/// "history 7 web", "diff 6 7": numbers are revisions, what is none is the service's name.
std::optional<EndNow> read_words(const Typed& typed, Options& options) {
    std::vector<std::uint64_t> numbers;
    for (const auto& word : typed.words) {
        std::uint64_t number = 0;
        if (read_number(word, number) && number > 0)
            numbers.push_back(number);
        else if (options.name.empty())
            options.name = word;
        else
            return usage('"' + printable(word, 40) +
                         "\" is not a revision's number; `svc history` "
                         "lists them");
    }
    const std::size_t most = options.verb == Verb::diff ? 2 : 1;
    if (numbers.size() > most)
        return usage("at most " + std::to_string(most) + (most == 1 ? " revision" : " revisions"));
    if (!numbers.empty())
        options.revision = numbers.back();
    if (options.verb == Verb::diff && !numbers.empty()) {
        options.from = numbers.front();
        if (numbers.size() == 1)
            options.revision = 0;
    }
    return std::nullopt;
}

std::optional<EndNow> read_interval(const Typed& typed, Options& options) {
    if (typed.interval.empty())
        return std::nullopt;
    const auto interval = parse_duration(typed.interval);
    if (!interval)
        return usage("--interval: " + interval.error().message);
    // Each look is some work for every supervisor.
    if (*interval < std::chrono::milliseconds(100) || *interval > std::chrono::hours(1))
        return usage("--interval " + printable(typed.interval, 40) +
                     " is not a time from 100ms to 1h");
    options.interval = *interval;
    return std::nullopt;
}

std::optional<EndNow> wrong_name(const Options& options) {
    auto names = options.names;
    if (options.verb != Verb::check && options.verb != Verb::try_out && !options.name.empty())
        names.push_back(options.name);
    const auto wrong = std::find_if(names.begin(), names.end(), [](const std::string& name) {
        return !is_plain_name(name, name_limit);
    });
    if (wrong == names.end())
        return std::nullopt;
    return usage('"' + printable(*wrong, 80) +
                 "\" is not a service's name (letters, digits, '.', '_' and '-')");
}

std::variant<Options, EndNow> read_logs(const Typed& typed, Options& options) {
    options.since_time = typed.since;
    if (!typed.to.empty() && (!read_number(typed.to, options.revision) || options.revision == 0))
        return usage("--revision " + printable(typed.to, 40) +
                     " is not a revision's number; `svc history` lists them");
    if (!typed.replica.empty() && !read_number(typed.replica, options.only_replica.emplace()))
        return usage("--replica " + printable(typed.replica, 40) +
                     " is not a replica's number; `svc status` shows them");
    if (!typed.lines.empty() && !read_number(typed.lines, options.lines.emplace()))
        return usage("--lines " + printable(typed.lines, 40) + " is not a number of lines");
    if (auto wrong = wrong_name(options))
        return *wrong;
    return std::move(options);
}

std::variant<Options, EndNow> combine(Typed typed) {
    Options& options = typed.options;
    options.wait = !typed.no_wait;
    options.wait_drained = !typed.no_wait_drain;
    if (options.verb == Verb::scale && typed.replicas.empty())
        return usage("how many replicas? write: svc scale 4 [NAME]");
    if (options.verb == Verb::scale && !read_number(typed.replicas, options.replicas))
        return usage('"' + printable(typed.replicas, 40) +
                     "\" is not a number of replicas; write: svc scale 4 [NAME]");
    if (typed.command && options.command.empty())
        return usage("no command after '--'");
    if (options.verb == Verb::try_out && typed.command && !options.name.empty())
        return usage("a service file and a command after '--' exclude each other");
    if (auto wrong = read_words(typed, options))
        return *wrong;
    if (options.verb == Verb::logs)
        return read_logs(typed, options);
    if (!typed.to.empty() && (!read_number(typed.to, options.revision) || options.revision == 0))
        return usage("--to " + printable(typed.to, 40) +
                     " is not a revision's number; `svc history` lists them");
    if (options.verb == Verb::replace && typed.replica.empty())
        return usage("which replica? write: svc replace 2 [NAME]; `svc status` shows them");
    if (options.verb == Verb::replace && !read_number(typed.replica, options.replica))
        return usage('"' + printable(typed.replica, 40) +
                     "\" is not a replica's number; write: svc replace 2 [NAME]");
    if (options.verb == Verb::freeze && options.reason.empty())
        return usage("why? write: svc freeze --reason \"change freeze until Monday\" [NAME]; "
                     "everybody whose rollout is refused reads it");
    if (!typed.since.empty() && !read_number(typed.since, options.since))
        return usage("--since " + printable(typed.since, 40) +
                     " is not an event's number; `svc events` shows them");
    if (!typed.lines.empty() && !read_number(typed.lines, options.lines.emplace()))
        return usage("--lines " + printable(typed.lines, 40) + " is not a number of events");
    if (options.all && !options.name.empty())
        return usage("--all is for every service; leave it out to upgrade " +
                     printable(options.name, 80) + " alone");
    if (!typed.timeout.empty()) {
        const auto timeout = parse_duration(typed.timeout);
        if (!timeout)
            return usage("--timeout: " + timeout.error().message);
        options.timeout = *timeout;
    }
    if (auto wrong = read_interval(typed, options))
        return *wrong;
    if (auto wrong = wrong_name(options))
        return *wrong;
    return std::move(options);
}

/// What follows the first "--" of a verb that takes a command: none of its options are ours.
void take_command(std::vector<std::string>& arguments, Typed& typed) {
    const auto cut = std::find(arguments.begin(), arguments.end(), "--");
    const auto takes_one = [](const std::string& word) { return word == "try" || word == "init"; };
    if (cut == arguments.end() || std::find_if(arguments.begin(), cut, takes_one) == cut)
        return;
    typed.options.command.assign(cut + 1, arguments.end());
    typed.command = true;
    arguments.erase(cut, arguments.end());
}

/// CLI11's own words for a verb that is not one name the rest of the line.
std::optional<EndNow> wrong_verb(const std::vector<std::string>& arguments) {
    const auto word = std::find_if(arguments.begin(), arguments.end(),
                                   [](auto& argument) { return !argument.starts_with('-'); });
    if (word == arguments.end() || (word != arguments.begin() && *(word - 1) == "--runtime-dir"))
        return std::nullopt;
    if (std::find(verb_names.begin(), verb_names.end(), *word) != verb_names.end())
        return std::nullopt;
    const auto meant = nearest(*word, {verb_names.begin(), verb_names.end()});
    return usage('"' + printable(*word, 40) + "\" is not a command" +
                 (meant.empty() ? "" : "; did you mean " + meant + "?"));
}

/// The long option of the chosen verb that was meant by the first one that it has not; empty: none is near.
std::string meant_option(const CLI::App& app, const std::vector<std::string>& arguments) {
    const auto chosen = app.get_subcommands();
    const CLI::App& asked = chosen.empty() ? app : *chosen.front();
    std::vector<std::string> known;
    for (const CLI::Option* option : asked.get_options())
        for (const auto& name : option->get_lnames())
            known.push_back("--" + name);
    for (const auto& argument : arguments) {
        const auto name = argument.substr(0, argument.find('='));
        if (!name.starts_with("--") || name == "--" ||
            std::find(known.begin(), known.end(), name) != known.end())
            continue;
        return nearest(name, known);
    }
    return {};
}

/// What completions/ tells: SHELL LEFT RIGHT, and bash's script WORD TYPE COLUMNS LINES besides.
std::variant<Options, EndNow> read_completion(std::vector<std::string> words) {
    words.erase(words.begin());
    const bool from_bash = words.size() == 7 && words[0] == "bash";
    const bool from_other = words.size() == 3 && (words[0] == "zsh" || words[0] == "fish");
    if (!from_bash && !from_other)
        return usage("complete is for the shells' scripts; see COMPLETION in svc(1)");
    Options options;
    options.verb = Verb::complete;
    options.command = std::move(words);
    return options;
}

} // namespace

std::string_view verb_name(Verb verb) {
    if (verb == Verb::complete)
        return "complete";
    return verb_names[static_cast<std::size_t>(verb)];
}

std::variant<Options, EndNow> parse_arguments(std::vector<std::string> arguments) {
    if (!arguments.empty() && arguments.front() == verb_name(Verb::complete))
        return read_completion(std::move(arguments));
    if (const auto wrong = wrong_verb(arguments))
        return *wrong;
    Typed typed;
    take_command(arguments, typed);
    CLI::App app("Replace a running service by its next version without losing a connection.",
                 "svc");
    app.set_version_flag("--version", "svc " SVC_VERSION);
    app.require_subcommand(0, 1);
    add_common(app, typed);
    app.footer("Exit status: 0 done; 1 failed, the old revision serves; 2 usage; 3 no supervisor;\n"
               "4 not allowed; 5 the service file is wrong; 6 timed out waiting, what was accepted "
               "goes on.\n"
               "See svc(1).");
    add_verbs(app, typed);
    try {
        app.parse(
            std::vector<std::string>(arguments.rbegin(), arguments.rend())); // as CLI11 takes them
    } catch (const CLI::CallForHelp&) {
        const auto chosen = app.get_subcommands();
        return EndNow{0, chosen.empty() ? app.help() : chosen.front()->help("svc")};
    } catch (const CLI::CallForVersion&) {
        return EndNow{0, "svc " SVC_VERSION "\n"};
    } catch (const CLI::ExtrasError& error) {
        const auto meant = meant_option(app, arguments);
        return usage(printable(error.what(), 400) +
                     (meant.empty() ? "" : "; did you mean " + meant + "?"));
    } catch (const CLI::ParseError& error) {
        return usage(printable(error.what(), 400));
    }
    if (app.get_subcommands().empty())
        return usage("what is to be done? There are " +
                     join({verb_names.begin(), verb_names.end()}, ", "));
    return combine(std::move(typed));
}

} // namespace svc::cli
