// The service file in plain sentences, for svc check.
#include "wire/service_file/explain.h"

#include "base/text.h"

#include <algorithm>
#include <limits>

namespace svc::wire {

namespace {

using namespace service_file;
using rollout::Spec;

constexpr std::size_t listeners_shown = 8;

/// In brackets, behind the address.
std::string name_and_scope(const rollout::ListenerSpec& listener) {
    switch (listener.scope) {
    case rollout::ListenerScope::service:
        return listener.name;
    case rollout::ListenerScope::revision:
        return listener.name + ", which leads to the newest set only";
    case rollout::ListenerScope::worker:
        return listener.name + ", one for each worker";
    }
    fatal("name_and_scope: no such scope");
}

std::string listening(const Spec& spec) {
    if (spec.listeners.empty())
        return "It has no listener.";
    std::vector<std::string> shown;
    for (const rollout::ListenerSpec& listener : spec.listeners) {
        if (shown.size() == listeners_shown)
            break;
        shown.push_back(format_address(listener.address) + " (" + name_and_scope(listener) + ')');
    }
    std::string sentence = "It listens on " + join(shown, ", ");
    if (spec.listeners.size() > shown.size())
        sentence += " and " + std::to_string(spec.listeners.size() - shown.size()) + " more";
    return sentence + '.';
}

std::string running(const rollout::ProcessSpec& process) {
    std::string sentence =
        "Each worker runs: " + command_line(process.command) + "\nIt runs as " +
        (process.user.empty() ? "the supervisor's own user" : "the user " + process.user);
    if (!process.group.empty())
        sentence += ", group " + process.group;
    sentence += ", in " + (process.directory.empty() ? std::string("/") : process.directory) + '.';
    if (!process.release.empty())
        sentence +=
            "\n${release} is what " + process.release + " leads to when a revision is made.";
    if (!process.check.empty())
        sentence += "\nBefore a rollout " + command_line(process.check) + " must succeed within " +
                    format_duration(process.check_timeout) + '.';
    if (process.pre_start)
        sentence += "\nBefore each worker starts: " + hook_in_words(*process.pre_start) +
                    if_it_fails(*process.pre_start, "the worker counts as not launched") + '.';
    return sentence;
}

std::string sized(const std::optional<std::uint64_t>& bytes) {
    return *bytes == std::numeric_limits<std::uint64_t>::max() ? "any memory" : format_size(*bytes);
}

/// What its cgroup keeps a worker to.
std::string limiting(const std::optional<rollout::LimitsSpec>& limits) {
    if (!limits)
        return {};
    std::vector<std::string> parts;
    if (limits->memory_max)
        parts.push_back("is killed above " + sized(limits->memory_max));
    if (limits->memory_high)
        parts.push_back("slowed down above " + sized(limits->memory_high));
    if (limits->cpu_max)
        parts.push_back("has " + std::to_string(*limits->cpu_max) + "% of a processor");
    if (limits->cpu_weight)
        parts.push_back("competes for processors with weight " +
                        std::to_string(*limits->cpu_weight));
    if (limits->io_weight)
        parts.push_back("competes for disks with weight " + std::to_string(*limits->io_weight));
    if (limits->tasks_max)
        parts.push_back("has " +
                        (*limits->tasks_max == std::numeric_limits<std::uint64_t>::max()
                             ? std::string("any number of")
                             : "at most " + std::to_string(*limits->tasks_max)) +
                        " processes and threads");
    return "\nWith its descendants it " + join(parts, ", ") + '.';
}

std::string stopping(const rollout::StopSpec& stop) {
    constexpr std::string_view failed_stop = "the rollout that replaces the worker fails";
    std::string text = "To stop a worker:";
    if (stop.pre_stop)
        text += "\n  - " + what_in_words(stop.pre_stop->what) + " (at most " +
                format_duration(stop.pre_stop->timeout.value_or(stop.grace - stop.min_stop)) +
                ", while it still serves" + if_it_fails(*stop.pre_stop, failed_stop) + ')';
    if (stop.wait_idle)
        text += "\n  - wait for its last connection to end (at most " +
                format_duration(std::min(*stop.wait_idle, stop.grace - stop.min_stop)) + ')';
    text += "\n  - send " + signal_name(stop.signal) + " to it and wait for its exit\n  - " +
            format_duration(stop.grace) + " after the beginning, kill what is left of it";
    if (stop.grace_max > stop.grace)
        text += " (it may ask for up to " + format_duration(stop.grace_max) + ')';
    if (stop.post_stop)
        text += "\n  - " + what_in_words(stop.post_stop->what) + " (at most " +
                format_duration(*stop.post_stop->timeout) +
                if_it_fails(*stop.post_stop, failed_stop) + ')';
    return text;
}

std::string restarting(const rollout::RestartSpec& restart) {
    const std::string backoff = " is started again after " + format_duration(restart.backoff_min) +
                                ", then twice as long each time, up to " +
                                format_duration(restart.backoff_max) + '.';
    switch (restart.policy) {
    case rollout::RestartPolicy::always:
        return "A worker that ends by itself" + backoff;
    case rollout::RestartPolicy::on_failure:
        return "A worker that fails by itself" + backoff +
               " One that ends by itself with exit status 0 stays down.";
    case rollout::RestartPolicy::never:
        return "A worker that ends by itself stays down.";
    }
    fatal("restarting: no such policy");
}

/// Nothing where the file says nothing: that depends on the supervisor's stderr.
std::string logging(const Spec& spec, std::string_view name) {
    const std::string service(name);
    std::string text = "\nWhat a worker writes ";
    switch (spec.log.output) {
    case rollout::LogOutput::automatic:
        if (spec.process.error_output == rollout::ErrorOutput::capture)
            return {};
        break;
    case rollout::LogOutput::journal:
        return text + "goes to the journal, as " + service + ".rREVISION.REPLICA.";
    case rollout::LogOutput::inherit:
        break;
    case rollout::LogOutput::capture:
        return text + "to stderr passes through the supervisor to its own.";
    case rollout::LogOutput::prefix:
        return text + "goes to the supervisor's stderr, with \"" + service +
               ".REPLICA | \" before each line.";
    case rollout::LogOutput::file:
        return text + "is appended to " + spec.log.file + ", which SIGUSR1 opens again.";
    }
    return text + "goes where the supervisor's output goes: a failure is reported without its last "
                  "lines.";
}

} // namespace

std::string explain_spec(const Spec& spec, std::string_view name) {
    return "Service " + std::string(name) + ". " + listening(spec) + '\n' + running(spec.process) +
           limiting(spec.limits) + '\n' + explain_rollout(spec.rollout) + '\n' +
           explain_health(spec) + '\n' + stopping(spec.stop) + '\n' + restarting(spec.restart) +
           logging(spec, name) +
           (spec.metrics
                ? "\nMetrics are at " + format_address(spec.metrics->listen) + ", under /metrics."
                : std::string()) +
           '\n';
}

} // namespace svc::wire
