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
    case rollout::ReadyOn::fd:
        sentence = "A worker is ready when it writes a newline to its readiness fd, and has failed "
                   "if it did not within " +
                   format_duration(spec.ready.timeout);
        break;
    case rollout::ReadyOn::probe:
        sentence = "A worker is ready when its probe passes, and has failed if it did not within " +
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

using rollout::RolloutSpec;
using rollout::Strategy;

std::string serving(std::uint32_t count) {
    return workers(count) + (count == 1 ? " serves" : " serve") + ". ";
}

std::string rolling(const RolloutSpec& rollout) {
    const rollout::Budget budget = rollout::budget_of(rollout, rollout.replicas);
    const std::uint32_t least = budget.replicas - std::min(budget.replicas, budget.unavailable);
    return "A rollout starts up to " + std::to_string(budget.surge) +
           " more and retires old ones "
           "only while at least " +
           std::to_string(least) +
           " are available; with those that drain "
           "there are never more than " +
           workers(budget.total) + '.';
}

std::string recreating() {
    return "A rollout drains every old one first and starts the new ones when they are gone: "
           "until the first of those is ready nobody serves. Connections wait meanwhile in the "
           "backlogs of the listening sockets, which stay open; more than fit there, and clients "
           "without patience, are lost.";
}

std::string two_sets(const RolloutSpec& rollout) {
    const rollout::Budget budget = rollout::budget_of(rollout, rollout.replicas);
    const bool by_itself = rollout.stages.empty() || rollout.stages.front().hold.has_value();
    std::string text = "A rollout starts a whole second set beside them and ends none of the old "
                       "ones before it is promoted, " +
                       std::string(by_itself ? "which happens as soon as all of it is available"
                                             : "with svc promote, once all of it is available");
    text += ". Both sets share the listening sockets: the new one takes connections as soon as "
            "its workers are ready, before it is promoted. Then the old set " +
            (rollout.keep_old == Duration::zero()
                 ? std::string("drains")
                 : "runs on for " + format_duration(rollout.keep_old) +
                       ", taking its share of connections, so that going back is immediate, and "
                       "drains");
    return text + "; with those that drain there are never more than " + workers(budget.total) +
           '.';
}

std::string in_steps(const RolloutSpec& rollout) {
    std::string text = rolling(rollout) +
                       " It goes in steps; new workers share the listening sockets with old "
                       "ones and take about their share of connections as soon as they are "
                       "ready:";
    for (std::size_t i = 0; i < rollout.stages.size(); ++i) {
        const rollout::RolloutStage& stage = rollout.stages[i];
        text += "\n  - " + std::to_string(rollout::size_of(stage, rollout.replicas)) + " of " +
                workers(rollout.replicas) + " new" +
                (stage.hold ? ", held for " + format_duration(*stage.hold)
                            : std::string(", held until svc promote"));
    }
    return text + "\n  - then all";
}

std::string replacing(const RolloutSpec& rollout) {
    switch (rollout.strategy) {
    case Strategy::rolling:
        return rolling(rollout);
    case Strategy::recreate:
        return recreating();
    case Strategy::blue_green:
        return two_sets(rollout);
    case Strategy::canary:
        return in_steps(rollout);
    case Strategy::in_place:
        return rolling(rollout);
    }
    fatal("replacing: no such strategy");
}

std::string analysing(const RolloutSpec& rollout) {
    if (!rollout.analysis)
        return {};
    const std::string when = rollout.strategy == Strategy::canary
                                 ? "At the end of each step"
                                 : "Before the new set is promoted";
    return '\n' + when + " this must succeed within " +
           format_duration(*rollout.analysis->timeout) + ": " +
           std::visit(HookWords{}, rollout.analysis->what);
}

std::string failing(const RolloutSpec& rollout) {
    std::string text;
    switch (rollout.on_failure) {
    case rollout::OnFailure::rollback:
        text = "It is taken back";
        break;
    case rollout::OnFailure::pause:
        text = "It is paused, until svc resume or svc abort,";
        break;
    }
    text += " as soon as a new worker fails, or when nothing moved for " +
            format_duration(rollout.progress_deadline);
    return text + (rollout.analysis ? ", or if that fails." : ".");
}

std::string rolling_out(const RolloutSpec& rollout) {
    const bool long_one = rollout.strategy == Strategy::canary || rollout.analysis;
    return serving(rollout.replicas) + replacing(rollout) + analysing(rollout) +
           (long_one ? '\n' : ' ') + failing(rollout);
}

std::string stopping(const rollout::StopSpec& stop) {
    std::string text = "To stop a worker:";
    if (stop.pre_stop)
        text += "\n  - " + std::visit(HookWords{}, stop.pre_stop->what) + " (at most " +
                format_duration(stop.grace - stop.min_stop) + ", while it still serves)";
    text += "\n  - send " + signal_name(stop.signal) + " to it and wait for its exit\n  - " +
            format_duration(stop.grace) + " after the beginning, kill what is left of it";
    if (stop.grace_max > stop.grace)
        text += " (it may ask for up to " + format_duration(stop.grace_max) + ')';
    if (stop.post_stop)
        text += "\n  - " + std::visit(HookWords{}, stop.post_stop->what) + " (at most " +
                format_duration(*stop.post_stop->timeout) + ')';
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
           '\n' + rolling_out(spec.rollout) + '\n' + becoming_ready(spec) + '\n' +
           stopping(spec.stop) + '\n' + restarting(spec.restart) + '\n';
}

} // namespace svc::wire
