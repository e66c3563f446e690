#include "svc/options.h"

#include "base/text.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace svc::cli {
namespace {

constexpr std::size_t name_limit = 64;
constexpr std::array<std::string_view, 22> verb_names = {
    "reload",  "apply",  "undo",     "pause", "resume",  "abort",  "promote", "scale",
    "replace", "freeze", "unfreeze", "stop",  "upgrade", "status", "events",  "logs",
    "history", "diff",   "timeline", "check", "preset",  "list"};

/// The arguments as CLI11 fills them in.
struct Typed {
    Options options;
    std::string replicas;
    std::string replica;
    std::string since;
    std::string lines;
    std::string timeout;
    std::string to;
    std::vector<std::string> words; ///< numbers of revisions, then perhaps a name
    bool no_wait = false;
    bool no_wait_drain = false;
};

EndNow usage(const std::string& what) {
    return {2, "svc: " + what + "\nTry 'svc --help', or svc(1).\n"};
}

/// Before the verb or after it.
void add_common(CLI::App& app, Typed& typed) {
    app.add_flag("--json", typed.options.json, "Print JSON, for programs");
    app.add_option("--runtime-dir", typed.options.runtime_dir,
                   "Where the services are (else SVC_RUNTIME_DIR,\n"
                   "$XDG_RUNTIME_DIR/svc, /run/svc)")
        ->type_name("DIR");
}

CLI::App* add_verb(CLI::App& app, Typed& typed, Verb verb, const std::string& summary) {
    CLI::App* command = app.add_subcommand(std::string(verb_name(verb)), summary);
    command->parse_complete_callback([&typed, verb] { typed.options.verb = verb; });
    add_common(*command, typed);
    return command;
}

void add_name(CLI::App& command, Typed& typed) {
    command.add_option("NAME", typed.options.name,
                       "The service; may be left out where there is one");
}

void add_timeout(CLI::App& command, Typed& typed) {
    command.add_option("--timeout", typed.timeout, "Wait at most so long (\"90s\"); then status 6")
        ->type_name("TIME");
}

void add_waiting(CLI::App& command, Typed& typed) {
    command.add_flag("--no-wait", typed.no_wait, "Do not wait for the end");
    add_timeout(command, typed);
}

void add_draining(CLI::App& command, Typed& typed) {
    command.add_flag("--no-wait-drain", typed.no_wait_drain,
                     "Wait for the verdict, but not until the old workers are gone");
    add_waiting(command, typed);
}

void add_rollout(CLI::App& command, Typed& typed) {
    add_name(command, typed);
    command.add_option("--cause", typed.options.cause, "Why, for status and events")
        ->type_name("TEXT");
    command.add_flag("--supersede", typed.options.supersede,
                     "End a rollout that is under way instead of waiting for it");
    command.add_flag("--now", typed.options.now,
                     "A worker that is ready is available: min_ready does not count");
    add_draining(command, typed);
}

void add_reason(CLI::App& command, Typed& typed) {
    command.add_option("--reason", typed.options.reason, "Why, for status and events")
        ->type_name("TEXT");
}

void add_steering(CLI::App& app, Typed& typed) {
    auto* pause = add_verb(app, typed, Verb::pause, "Let the rollout under way move nothing");
    add_name(*pause, typed);
    add_reason(*pause, typed);

    auto* resume = add_verb(app, typed, Verb::resume, "Let it go on");
    add_name(*resume, typed);
    add_draining(*resume, typed);

    auto* abort = add_verb(app, typed, Verb::abort, "Take the rollout under way back");
    add_name(*abort, typed);
    add_reason(*abort, typed);
    add_waiting(*abort, typed);

    auto* promote = add_verb(app, typed, Verb::promote, "End the step at which it is held");
    add_name(*promote, typed);
    add_draining(*promote, typed);
}

void add_workers(CLI::App& app, Typed& typed) {
    auto* scale = add_verb(app, typed, Verb::scale, "Run another number of replicas");
    scale->add_option("N", typed.replicas, "How many");
    add_name(*scale, typed);
    add_waiting(*scale, typed);

    auto* replace =
        add_verb(app, typed, Verb::replace, "Replace one worker by another of its revision");
    replace->add_option("REPLICA", typed.replica, "Which; `svc status` shows their numbers");
    add_name(*replace, typed);
    add_waiting(*replace, typed);

    auto* freeze = add_verb(app, typed, Verb::freeze, "Refuse rollouts");
    add_name(*freeze, typed);
    add_reason(*freeze, typed);

    add_name(*add_verb(app, typed, Verb::unfreeze, "Allow rollouts again"), typed);
}

void add_history(CLI::App& app, Typed& typed) {
    auto* history = add_verb(app, typed, Verb::history, "List the revisions, or show one whole");
    history->add_option("N", typed.words, "A revision, and the service's name")->expected(0, 2);
    auto* diff = add_verb(app, typed, Verb::diff,
                          "Show what differs between two revisions, or what a reload would change");
    diff->add_option("N", typed.words, "An older revision, a newer one, and the service's name")
        ->expected(0, 3);
    auto* timeline =
        add_verb(app, typed, Verb::timeline, "Draw how a rollout went, one row a worker");
    timeline->add_option("N", typed.words, "Its revision, and the service's name")->expected(0, 2);
}

void add_logs(CLI::App& app, Typed& typed) {
    auto* logs = add_verb(app, typed, Verb::logs,
                          "Show what the workers wrote and what the supervisor said");
    add_name(*logs, typed);
    logs->add_flag("-f,--follow", typed.options.follow, "And go on with what comes");
    logs->add_option("-n,--lines", typed.lines, "Begin with the newest so many of them")
        ->type_name("NUMBER");
    logs->add_option("--revision", typed.to, "Only what is of this revision")->type_name("N");
    logs->add_option("--replica", typed.replica, "Only what is of this replica")->type_name("N");
    logs->add_option("--since", typed.since, "Only from this time on, as journalctl takes it")
        ->type_name("TIME");
}

void add_verbs(CLI::App& app, Typed& typed) {
    add_rollout(*add_verb(app, typed, Verb::reload, "Replace every worker by a new revision"),
                typed);
    add_rollout(*add_verb(app, typed, Verb::apply, "Like reload, if anything changed"), typed);

    auto* undo = add_verb(app, typed, Verb::undo, "Go back to an older revision");
    add_rollout(*undo, typed);
    undo->add_option("--to", typed.to,
                     "Which one; else the last that completed before the serving one")
        ->type_name("N");
    undo->add_flag("--force", typed.options.force,
                   "Even if files of its inputs are not what they were");

    add_steering(app, typed);
    add_workers(app, typed);

    auto* stop = add_verb(app, typed, Verb::stop, "Drain the workers and end the supervisor");
    add_name(*stop, typed);
    stop->add_flag("--now", typed.options.now, "Kill the workers instead of draining them");
    add_waiting(*stop, typed);

    auto* upgrade = add_verb(app, typed, Verb::upgrade,
                             "Let the newly installed svcd go on in place of the one that runs");
    add_name(*upgrade, typed);
    add_timeout(*upgrade, typed);

    add_name(*add_verb(app, typed, Verb::status, "Show a service at one glance"), typed);

    auto* events = add_verb(app, typed, Verb::events, "Tell what happened");
    add_name(*events, typed);
    events->add_flag("-f,--follow", typed.options.follow, "And go on telling what happens");
    events->add_option("-n,--lines", typed.lines, "Begin with the newest so many of them")
        ->type_name("NUMBER");
    events->add_option("--since", typed.since, "Only what came after the event with this number")
        ->type_name("NUMBER");

    add_logs(app, typed);
    add_history(app, typed);

    auto* check = add_verb(app, typed, Verb::check, "Look for mistakes in a service file");
    check->add_option("FILE", typed.options.name, "A service file, or the name of a service");

    auto* preset = add_verb(app, typed, Verb::preset, "Print a preset, or say which there are");
    preset->add_option("NAME", typed.options.name, "As in [service] preset = \"NAME\"");

    add_verb(app, typed, Verb::list, "One line for each service");
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

std::optional<EndNow> wrong_name(const Options& options) {
    if (options.verb == Verb::check || options.name.empty() ||
        is_plain_name(options.name, name_limit))
        return std::nullopt;
    return usage('"' + printable(options.name, 80) +
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
    if (!typed.timeout.empty()) {
        const auto timeout = parse_duration(typed.timeout);
        if (!timeout)
            return usage("--timeout: " + timeout.error().message);
        options.timeout = *timeout;
    }
    if (auto wrong = wrong_name(options))
        return *wrong;
    return std::move(options);
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

} // namespace

std::string_view verb_name(Verb verb) {
    return verb_names[static_cast<std::size_t>(verb)];
}

std::variant<Options, EndNow> parse_arguments(std::vector<std::string> arguments) {
    if (const auto wrong = wrong_verb(arguments))
        return *wrong;
    Typed typed;
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
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 takes them
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        const auto chosen = app.get_subcommands();
        return EndNow{0, chosen.empty() ? app.help() : chosen.front()->help("svc")};
    } catch (const CLI::CallForVersion&) {
        return EndNow{0, "svc " SVC_VERSION "\n"};
    } catch (const CLI::ParseError& error) {
        return usage(printable(error.what(), 400));
    }
    if (app.get_subcommands().empty())
        return usage("what is to be done? There are " +
                     join({verb_names.begin(), verb_names.end()}, ", "));
    return combine(std::move(typed));
}

} // namespace svc::cli
