// Combinations that cannot work, wherever they came from. Listeners, probes, hooks and strategies have
// their own check_….cpp.
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <csignal>

namespace svc::wire {

namespace service_file {

namespace {

using rollout::Spec;

class Checker {
public:
    Checker(const Spec& spec, std::vector<Finding>& findings) : spec_(spec), findings_(findings) {}

    void check_process();
    void check_rollout();
    void check_wait_idle();
    void check_stop();
    void check_restart();

private:
    void add(std::string key, std::string message, std::vector<std::string> also = {}) {
        findings_.push_back(Finding{std::move(key), std::move(also), std::move(message)});
    }
    void check_path(const std::string& path, const std::string& key, std::string_view example);
    void add_if_not_positive(Duration value, const std::string& key, std::string_view example) {
        check_positive(value, key, example, findings_);
    }

    const Spec& spec_;
    std::vector<Finding>& findings_;
};

void Checker::check_path(const std::string& path, const std::string& key,
                         std::string_view example) {
    if (!path.starts_with('/') && !path.starts_with("${release}"))
        add(key, quoted(path) + " is not an absolute path; write " + std::string(example));
}

void Checker::check_process() {
    const rollout::ProcessSpec& process = spec_.process;
    check_command(process.command, "service.command", findings_);
    if (!process.release.empty() && !process.release.starts_with('/'))
        add("service.release",
            quoted(process.release) + " is not an absolute path; write \"/srv/web/current\"");
    for (const std::string& input : process.inputs)
        check_path(input, "service.inputs", "\"/etc/web.conf\"");
    if (!process.check.empty())
        check_command(process.check, "service.check", findings_);
    add_if_not_positive(process.check_timeout, "service.check_timeout", "60s");
    if (!process.directory.empty())
        check_path(process.directory, "service.directory", "\"/srv/web\"");
    for (const std::string& file : process.environment_files)
        check_path(file.starts_with('-') ? file.substr(1) : file, "service.environment_files",
                   "\"/etc/web.env\", or \"-/etc/web.env\" if it may be missing");
    for (const std::string& group : process.supplementary_groups) {
        if (group.empty())
            add("service.supplementary_groups", "a group's name is empty; take it out");
    }
    for (const auto& [name, limit] : process.limits) {
        if (limit.soft > limit.hard)
            add("service.limits." + name, "the soft limit is above the hard one; write "
                                          "[soft, hard] with the smaller one first");
    }
}

void Checker::check_rollout() {
    const rollout::RolloutSpec& rollout = spec_.rollout;
    if (rollout.replicas > replica_limit)
        add("rollout.replicas", std::to_string(rollout.replicas) +
                                    " is out of range; write a number from 0 to " +
                                    std::to_string(replica_limit));
    const bool moves_some_at_a_time = rollout.strategy == rollout::Strategy::rolling ||
                                      rollout.strategy == rollout::Strategy::canary ||
                                      rollout.strategy == rollout::Strategy::in_place;
    if (moves_some_at_a_time && rollout.max_surge.value == 0 && rollout.max_unavailable.value == 0)
        add("rollout.max_surge",
            "max_surge and max_unavailable are both 0, so that no worker could ever be replaced; "
            "write max_surge = 1",
            {"rollout.max_unavailable"});
    const rollout::Budget budget = rollout::budget_of(rollout, rollout.replicas);
    const std::uint32_t least = budget.replicas + budget.surge;
    if (rollout.max_total && *rollout.max_total < least)
        add("rollout.max_total",
            std::to_string(*rollout.max_total) +
                (rollout.strategy == rollout::Strategy::blue_green
                     ? " leaves no room for a second set"
                     : " leaves no room for replicas and max_surge") +
                "; write " + std::to_string(least) + " or more",
            {"rollout.replicas", "rollout.max_surge", "rollout.max_unavailable",
             "rollout.strategy"});
    add_if_not_positive(rollout.progress_deadline, "rollout.progress_deadline", "10m");
    find_impossible_strategy(spec_, findings_);
}

void Checker::check_wait_idle() {
    const rollout::StopSpec& stop = spec_.stop;
    if (!stop.wait_idle)
        return;
    add_if_not_positive(*stop.wait_idle, "stop.wait_idle", "20s");
    if (*stop.wait_idle > stop.grace - stop.min_stop)
        add("stop.wait_idle",
            format_duration(*stop.wait_idle) + " is cut short: the stop signal comes min_stop (" +
                format_duration(stop.min_stop) + ") before grace (" + format_duration(stop.grace) +
                ") is over; make grace longer or wait_idle shorter",
            {"stop.grace", "stop.min_stop"});
    const auto& listeners = spec_.listeners;
    if (std::none_of(listeners.begin(), listeners.end(), [](const auto& listener) {
            return listener.address.type != SocketType::datagram;
        }))
        add("stop.wait_idle",
            "there is no [[listener]] that takes connections, so there is nothing to wait for; "
            "remove it",
            {});
}

void Checker::check_stop() {
    const rollout::StopSpec& stop = spec_.stop;
    add_if_not_positive(stop.grace, "stop.grace", "30s");
    if (stop.grace_max < stop.grace)
        add("stop.grace_max",
            format_duration(stop.grace_max) + " is shorter than grace (" +
                format_duration(stop.grace) + "); write at least \"" + format_duration(stop.grace) +
                '"',
            {"stop.grace"});
    check_wait_idle();
    if (stop.signal == SIGSTOP)
        add("stop.signal",
            "SIGSTOP ends no worker; write \"SIGTERM\" or what your server takes for "
            "a graceful stop");
}

void Checker::check_restart() {
    const rollout::RestartSpec& restart = spec_.restart;
    add_if_not_positive(restart.backoff_min, "restart.backoff.min", "100ms");
    if (restart.backoff_min > restart.backoff_max)
        add("restart.backoff.max",
            format_duration(restart.backoff_max) + " is shorter than min (" +
                format_duration(restart.backoff_min) + "); write at least \"" +
                format_duration(restart.backoff_min) + '"',
            {"restart.backoff.min"});
}

} // namespace

void check_command(const std::vector<std::string>& command, const std::string& key,
                   std::vector<Finding>& findings) {
    if (command.empty())
        findings.push_back({key,
                            {},
                            "the command is empty; write its program and arguments, such as "
                            "[\"/usr/bin/web\", \"--verbose\"]"});
    else if (command.front().empty())
        findings.push_back({key, {}, "the program's name is empty; write [\"/usr/bin/web\"]"});
}

void check_positive(Duration value, const std::string& key, std::string_view example,
                    std::vector<Finding>& findings) {
    if (value <= Duration::zero())
        findings.push_back({key,
                            {},
                            format_duration(value) + " is too short; write " +
                                key.substr(key.rfind('.') + 1) + " = \"" + std::string(example) +
                                '"'});
}

std::vector<Finding> find_impossible(const Spec& spec) {
    std::vector<Finding> findings;
    Checker checker(spec, findings);
    checker.check_process();
    find_impossible_listeners(spec, findings);
    find_impossible_scopes(spec, findings);
    find_impossible_limits(spec, findings);
    find_impossible_health(spec, findings);
    find_impossible_probes(spec, findings);
    checker.check_rollout();
    find_impossible_hooks(spec, findings);
    checker.check_stop();
    checker.check_restart();
    find_impossible_log(spec, findings);
    find_impossible_metrics(spec, findings);
    return findings;
}

} // namespace service_file

std::vector<Mistake> check_spec(const rollout::Spec& spec) {
    std::vector<Mistake> mistakes;
    for (service_file::Finding& finding : service_file::find_impossible(spec))
        mistakes.push_back(Mistake{0, 0, std::move(finding.key), std::move(finding.message)});
    return mistakes;
}

} // namespace svc::wire
