// [stop], and what the kernel keeps a worker to: limits; where its output and the metrics go.
#include "wire/service_file/explain.h"

#include "base/text.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace svc::wire::service_file {

namespace {

constexpr std::uint64_t infinity = std::numeric_limits<std::uint64_t>::max();

std::string sized(std::uint64_t bytes) {
    return bytes == infinity ? "any memory" : format_size(bytes);
}

/// Of a worker with its descendants, through its cgroup.
std::string together(const rollout::LimitsSpec& limits) {
    std::vector<std::string> parts;
    if (limits.memory_max)
        parts.push_back("are killed above " + sized(*limits.memory_max) + " of memory");
    if (limits.memory_high)
        parts.push_back("are slowed down above " + sized(*limits.memory_high));
    if (limits.cpu_max)
        parts.push_back("get " + std::to_string(*limits.cpu_max) + "% of a processor");
    if (limits.cpu_weight)
        parts.push_back("compete for processors with weight " + std::to_string(*limits.cpu_weight) +
                        " (others: 100)");
    if (limits.io_weight)
        parts.push_back("compete for disks with weight " + std::to_string(*limits.io_weight) +
                        " (others: 100)");
    if (limits.tasks_max)
        parts.push_back("are " +
                        (*limits.tasks_max == infinity
                             ? std::string("any number of")
                             : "at most " + std::to_string(*limits.tasks_max)) +
                        " processes and threads");
    return parts.empty() ? "" : "All processes of a worker together " + join(parts, ", ") + '.';
}

std::string bound(std::uint64_t value) {
    return value == infinity ? "infinity" : std::to_string(value);
}

/// Of each process by itself.
std::string alone(const rollout::ProcessSpec& process) {
    std::vector<std::string> parts;
    for (const auto& [name, limit] : process.limits)
        parts.push_back(name + ' ' + bound(limit.soft) +
                        (limit.hard == limit.soft ? "" : " (hard: " + bound(limit.hard) + ')'));
    if (process.nice)
        parts.push_back("nice " + std::to_string(*process.nice));
    if (process.oom_score_adj)
        parts.push_back("OOM score " + std::to_string(*process.oom_score_adj));
    if (process.umask) {
        char mask[8];
        std::snprintf(mask, sizeof mask, "%04o", *process.umask & 0777);
        parts.push_back(std::string("umask ") + mask);
    }
    if (process.no_new_privileges)
        parts.emplace_back("no program of it gains privileges (setuid)");
    return parts.empty() ? "" : "Each process: " + join(parts, ", ") + '.';
}

} // namespace

Paragraph explain_stop(const rollout::StopSpec& stop) {
    constexpr std::string_view failed_stop = "the rollout that replaces the worker fails";
    Paragraph paragraph{"stop", {"A worker that has to go:"}};
    auto& lines = paragraph.lines;
    if (stop.pre_stop)
        lines.push_back(
            "- " + what_in_words(stop.pre_stop->what) + ", while it still serves (at most " +
            format_duration(stop.pre_stop->timeout.value_or(stop.grace - stop.min_stop)) +
            if_it_fails(*stop.pre_stop, failed_stop) + ')');
    if (stop.wait_idle)
        lines.push_back("- wait until its last connection has ended (at most " +
                        format_duration(std::min(*stop.wait_idle, stop.grace - stop.min_stop)) +
                        ')');
    lines.push_back("- send " + signal_name(stop.signal) +
                    ", on which it should finish what it has begun, and exit");
    lines.push_back("- " + format_duration(stop.grace) + " after the first of these (stop.grace" +
                    (stop.grace_max > stop.grace
                         ? "; it may ask for up to " + format_duration(stop.grace_max)
                         : "") +
                    "), kill what is left of it: that cuts what it still served");
    if (stop.post_stop)
        lines.push_back("- when it is gone: " + what_in_words(stop.post_stop->what) + " (at most " +
                        format_duration(*stop.post_stop->timeout) +
                        if_it_fails(*stop.post_stop, failed_stop) + ')');
    return paragraph;
}

Paragraph explain_limits(const rollout::Spec& spec) {
    Paragraph paragraph{"limits", {}};
    for (std::string text : {spec.limits ? together(*spec.limits) : "", alone(spec.process)})
        if (!text.empty())
            paragraph.lines.push_back(std::move(text));
    return paragraph;
}

Paragraph explain_log(const rollout::Spec& spec, std::string_view name) {
    const std::string service(name);
    const auto said = [](std::string text) { return Paragraph{"logs", {std::move(text)}}; };
    switch (spec.log.output) {
    case rollout::LogOutput::automatic:
        if (spec.process.error_output == rollout::ErrorOutput::capture)
            return said("What a worker writes goes to the journal under systemd, and to the "
                        "supervisor's stderr elsewhere; `svc logs` shows it.");
        break;
    case rollout::LogOutput::journal:
        return said("What a worker writes goes to the journal, as " + service +
                    ".rREVISION.REPLICA; `svc logs` shows it.");
    case rollout::LogOutput::inherit:
        break;
    case rollout::LogOutput::capture:
        return said("What a worker writes to stderr passes through the supervisor to its own; "
                    "stdout is the supervisor's.");
    case rollout::LogOutput::prefix:
        return said("What a worker writes goes to the supervisor's stderr, with \"" + service +
                    ".REPLICA | \" before each line.");
    case rollout::LogOutput::file:
        return said("What a worker writes is appended to " + printable(spec.log.file, 200) +
                    ", which SIGUSR1 to the supervisor opens again (after a rotation).");
    }
    return said("What a worker writes goes where the supervisor's output goes: a failure is "
                "reported without its last lines.");
}

Paragraph explain_metrics(const rollout::Spec& spec) {
    if (!spec.metrics)
        return {"metrics", {}};
    return {"metrics",
            {"For Prometheus at " + format_address(spec.metrics->listen) + ", under /metrics."}};
}

} // namespace svc::wire::service_file
