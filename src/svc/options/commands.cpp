// Which verbs there are, and what each of them takes.
#include "svc/options/typed.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace svc::cli {

/// Before the verb or after it.
void add_common(CLI::App& app, Typed& typed) {
    app.add_flag("--json", typed.options.json, "Print JSON, for programs");
    app.add_option("--runtime-dir", typed.options.runtime_dir,
                   "Where the services are (else SVC_RUNTIME_DIR,\n"
                   "$XDG_RUNTIME_DIR/svc, /run/svc)")
        ->type_name("DIR");
}

namespace {

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

void add_top(CLI::App& app, Typed& typed) {
    auto* top = add_verb(app, typed, Verb::top, "Watch all services and their workers");
    top->add_option("NAME", typed.options.names, "Services; else all of them")->expected(0, 1000);
    top->add_flag("--once", typed.options.once, "Print it once, as plain text");
    top->add_option("--interval", typed.interval, "Look so often (\"2s\")")->type_name("TIME");
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

/// Of verbs that need no supervisor.
void add_files(CLI::App& app, Typed& typed) {
    auto* check = add_verb(app, typed, Verb::check, "Look for mistakes in a service file");
    check->add_option("FILE", typed.options.name, "A service file, or the name of a service");

    auto* trial = add_verb(app, typed, Verb::try_out,
                           "Run a service in this terminal, apart from all others");
    trial->add_option("FILE", typed.options.name,
                      "A service file, or the name of one; or write -- COMMAND [ARGUMENT...]");
    trial
        ->add_option("--listen", typed.options.listen,
                     "Where it listens in the trial: NAME=ADDRESS, or the only\n"
                     "listener's ADDRESS; a port of 0 is a free one")
        ->type_name("ADDRESS")
        ->allow_extra_args(false);

    auto* init = add_verb(app, typed, Verb::init, "Write the first service file of what is here");
    init->add_option("NAME", typed.options.name,
                     "The service's, else the directory's; then perhaps -- COMMAND [ARGUMENT...]");
    init->add_option("--preset", typed.options.preset, "For this server; `svc preset` lists them")
        ->type_name("PRESET");
    init->add_flag("--print", typed.options.print, "Print it, and write no file");
    init->add_flag("--force", typed.options.force, "Write over a file that is there");

    auto* preset = add_verb(app, typed, Verb::preset, "Print a preset, or say which there are");
    preset->add_option("NAME", typed.options.name, "As in [service] preset = \"NAME\"");
}

void add_metrics(CLI::App& app, Typed& typed) {
    auto* metrics =
        add_verb(app, typed, Verb::metrics, "Print what can be measured, as text for Prometheus");
    metrics->add_option("NAME", typed.options.name, "The service; else all that run");
    metrics
        ->add_option("--output", typed.options.output,
                     "Into this file, which is replaced in one step")
        ->type_name("FILE");
    metrics->add_flag("--openmetrics", typed.options.openmetrics,
                      "As OpenMetrics 1.0, which is for other readers");
}

} // namespace

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
    upgrade->add_flag("--all", typed.options.all,
                      "Of every service that runs, one after the other");
    add_timeout(*upgrade, typed);

    auto* status = add_verb(app, typed, Verb::status, "Show a service, or all, at one glance");
    status->add_option("NAME", typed.options.name, "The service; else all of them");
    add_top(app, typed);

    auto* events = add_verb(app, typed, Verb::events, "Tell what happened");
    add_name(*events, typed);
    events->add_flag("-f,--follow", typed.options.follow, "And go on telling what happens");
    events->add_option("-n,--lines", typed.lines, "Begin with the newest so many of them")
        ->type_name("NUMBER");
    events->add_option("--since", typed.since, "Only what came after the event with this number")
        ->type_name("NUMBER");

    add_logs(app, typed);
    add_history(app, typed);
    add_metrics(app, typed);

    add_files(app, typed);
    add_verb(app, typed, Verb::list, "One line for each service, as status without a name");
}

} // namespace svc::cli
