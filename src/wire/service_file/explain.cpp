// The service file in plain sentences, for svc check.
#include "wire/service_file.h"

#include "base/text.h"

#include <algorithm>

namespace svc::wire {

namespace {

using rollout::Spec;

constexpr std::size_t listeners_shown = 8;
constexpr std::size_t command_shown = 200;

std::string command_line(const std::vector<std::string>& command) {
    return printable(join(command, " "), command_shown);
}

std::string workers(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " worker" : " workers");
}

std::string listening(const Spec& spec) {
    if (spec.listeners.empty())
        return "It has no listener.";
    std::vector<std::string> shown;
    for (const rollout::ListenerSpec& listener : spec.listeners) {
        if (shown.size() == listeners_shown)
            break;
        shown.push_back(format_address(listener.address) + " (" + listener.name + ')');
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
    return sentence;
}

std::string becoming_ready(const Spec& spec) {
    std::string sentence;
    switch (spec.ready.on) {
    case rollout::ReadyOn::notify:
        sentence = "A worker is ready when it sends READY=1, and has failed if it did not within " +
                   format_duration(spec.ready.timeout);
        break;
    case rollout::ReadyOn::started:
        sentence = spec.ready.delay == Duration::zero()
                       ? "A worker counts as ready as soon as it was started"
                       : "A worker counts as ready if it still runs " +
                             format_duration(spec.ready.delay) + " after its start";
        break;
    }
    sentence += "; it is available ";
    sentence +=
        spec.rollout.min_ready == Duration::zero()
            ? "at once, so a version that crashes a moment later may have replaced the old one "
              "by then (rollout.min_ready)"
            : "once it has been ready for " + format_duration(spec.rollout.min_ready);
    return sentence + '.';
}

std::string rolling(const Spec& spec) {
    const rollout::Budget budget = rollout::budget_of(spec.rollout, spec.rollout.replicas);
    const std::uint32_t least = budget.replicas - std::min(budget.replicas, budget.unavailable);
    return workers(budget.replicas) + (budget.replicas == 1 ? " serves" : " serve") +
           ". A rollout starts up to " + std::to_string(budget.surge) +
           " more and retires old ones "
           "only while at least " +
           std::to_string(least) +
           " are available; with those that drain "
           "there are never more than " +
           workers(budget.total) +
           ". It is taken back as soon as a new worker fails, or when nothing moved for " +
           format_duration(spec.rollout.progress_deadline) + '.';
}

struct HookWords {
    std::string operator()(const rollout::ExecHook& hook) const {
        return "run: " + command_line(hook.command);
    }
    std::string operator()(const rollout::SleepHook& hook) const {
        return "wait " + format_duration(hook.length);
    }
    std::string operator()(const rollout::SignalHook& hook) const {
        return "send " + signal_name(hook.signal) + " to it";
    }
    std::string operator()(const rollout::HttpHook& hook) const {
        return hook.method + ' ' + hook.target + " at " + format_address(hook.address);
    }
};

std::string stopping(const rollout::StopSpec& stop) {
    std::string text = "To stop a worker:";
    if (stop.pre_stop)
        text += "\n  - " + std::visit(HookWords{}, *stop.pre_stop) + " (at most " +
                format_duration(stop.grace - stop.min_stop) + ", while it still serves)";
    text += "\n  - send " + signal_name(stop.signal) + " to it and wait for its exit\n  - " +
            format_duration(stop.grace) + " after the beginning, kill what is left of it";
    if (stop.grace_max > stop.grace)
        text += " (it may ask for up to " + format_duration(stop.grace_max) + ')';
    if (stop.post_stop)
        text += "\n  - " + std::visit(HookWords{}, *stop.post_stop) + " (at most " +
                format_duration(stop.post_stop_timeout) + ')';
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

} // namespace

std::string explain_spec(const Spec& spec, std::string_view name) {
    return "Service " + std::string(name) + ". " + listening(spec) + '\n' + running(spec.process) +
           '\n' + rolling(spec) + '\n' + becoming_ready(spec) + '\n' + stopping(spec.stop) + '\n' +
           restarting(spec.restart) + '\n';
}

} // namespace svc::wire
