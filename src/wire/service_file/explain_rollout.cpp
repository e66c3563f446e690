// [rollout] in plain sentences.
#include "wire/service_file/explain.h"

#include "base/text.h"

#include <algorithm>

namespace svc::wire::service_file {

namespace {

constexpr std::size_t command_shown = 200;

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

std::string reloading(const RolloutSpec& rollout) {
    if (!rollout.in_place)
        return rolling(rollout);
    const rollout::InPlaceSpec& how = *rollout.in_place;
    std::string text =
        "A rollout has each worker reload itself, one after the other:\n  - " +
        hook_in_words(how.reload) + "\n  - " +
        (how.verify ? "then this must succeed: " + hook_in_words(*how.verify)
                    : "then it must send RELOADING=1, and READY=1 when it is done") +
        "\n  - at a rollback " +
        (how.revert ? hook_in_words(*how.revert)
                    : std::string("it is replaced by one that reads the files as they are then")) +
        (how.verify
             ? "\nA worker that is started counts as ready only when that succeeds, too, within "
               "ready.timeout."
             : "") +
        "\nWhere a reload cannot do (another program, command, environment, user or "
        "listener), workers are replaced: ";
    return text + rolling(rollout);
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
        return reloading(rollout);
    }
    fatal("replacing: no such strategy");
}

std::string analysing(const RolloutSpec& rollout) {
    if (!rollout.analysis)
        return {};
    const std::string when = rollout.strategy == Strategy::canary
                                 ? "At the end of each step"
                                 : "Before the new set is promoted";
    return '\n' + when + " this must succeed: " + hook_in_words(*rollout.analysis) + '.';
}

std::string around(const RolloutSpec& rollout) {
    std::string text;
    if (rollout.before)
        text += "\nBefore anything moves: " + hook_in_words(*rollout.before) +
                if_it_fails(*rollout.before, "the rollout fails") + '.';
    if (rollout.after)
        text += "\nWhen all new workers are available: " + hook_in_words(*rollout.after) +
                if_it_fails(*rollout.after, "the rollout fails") + '.';
    if (rollout.failed)
        text += "\nWhen a rollout failed: " + hook_in_words(*rollout.failed) + '.';
    return text;
}

std::string having_room(const RolloutSpec& rollout) {
    if (rollout.strategy == Strategy::recreate ||
        rollout::budget_of(rollout, rollout.replicas).surge == 0)
        return {};
    switch (rollout.memory_check) {
    case rollout::MemoryCheck::off:
    case rollout::MemoryCheck::warn: // the default, which needs no line of its own
        return {};
    case rollout::MemoryCheck::refuse:
        return "\nA rollout is refused if more workers at a time would need more memory than there "
               "is.";
    }
    fatal("having_room: no such check");
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
    return text + (rollout.analysis ? ", or if its analysis fails." : ".");
}

} // namespace

std::string command_line(const std::vector<std::string>& command) {
    return printable(join(command, " "), command_shown);
}

std::string workers(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " worker" : " workers");
}

std::string what_in_words(const rollout::Hook& hook) {
    return std::visit(HookWords{}, hook);
}

std::string hook_in_words(const rollout::HookSpec& hook) {
    const bool waits = std::holds_alternative<rollout::SleepHook>(hook.what);
    return what_in_words(hook.what) +
           (hook.timeout && !waits ? " (at most " + format_duration(*hook.timeout) + ')' : "");
}

std::string if_it_fails(const rollout::HookSpec& hook, std::string_view what) {
    switch (hook.on_failure) {
    case rollout::HookFailure::ignore:
        return {};
    case rollout::HookFailure::fail:
        return "; if that fails, " + std::string(what);
    }
    fatal("if_it_fails: no such rule");
}

std::string explain_rollout(const RolloutSpec& rollout) {
    const std::string hooks = analysing(rollout) + around(rollout) + having_room(rollout);
    const bool long_one = rollout.strategy == Strategy::canary || !hooks.empty();
    return serving(rollout.replicas) + replacing(rollout) + hooks + (long_one ? '\n' : ' ') +
           failing(rollout);
}

} // namespace svc::wire::service_file
