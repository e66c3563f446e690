// [rollout] in plain sentences.
#include "wire/service_file/explain.h"

#include "base/text.h"

#include <algorithm>

namespace svc::wire::service_file {

namespace {

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

/// With the numbers that bound it, of a version that replaces another one worker after the other.
std::string rolling(const RolloutSpec& rollout) {
    const rollout::Budget budget = rollout::budget_of(rollout, rollout.replicas);
    const std::uint32_t least = budget.replicas - std::min(budget.replicas, budget.unavailable);
    return "up to " + std::to_string(budget.surge) + " new beside the old ones " +
           "(rollout.max_surge), and an old one has to go only while at least " +
           std::to_string(least) + (least == 1 ? " other is" : " others are") +
           " available (rollout.max_unavailable). There are never more than " +
           workers(budget.total) + ", those that still finish counted.";
}

void explain_recreate(std::vector<std::string>& lines) {
    lines.emplace_back(
        "It takes their place (recreate): all old workers end before the first new one starts, so "
        "that nobody serves until that is ready. Connections wait meanwhile in the queues of the "
        "listeners, which stay open; more than fit there, and clients without patience, are "
        "lost.");
}

void explain_two_sets(const RolloutSpec& rollout, std::vector<std::string>& lines) {
    const rollout::Budget budget = rollout::budget_of(rollout, rollout.replicas);
    const bool by_itself = rollout.stages.empty() || rollout.stages.front().hold.has_value();
    lines.push_back(
        "It starts as a whole second set beside the first (blue-green), and takes over " +
        std::string(by_itself ? "as soon as all of it is available."
                              : "when somebody says `svc promote`, once all of it is "
                                "available."));
    lines.emplace_back(
        "Both sets share the listeners: the new one gets its share of the connections "
        "as soon as its workers are ready, so before it takes over.");
    lines.push_back("Then the old set " +
                    (rollout.keep_old == Duration::zero()
                         ? std::string("has to go.")
                         : "stays for " + format_duration(rollout.keep_old) +
                               " and goes on taking its share (rollout.keep_old), so that the way "
                               "back takes no time; after that it has to go.") +
                    " There are never more than " + workers(budget.total) +
                    ", those that still finish counted.");
}

void explain_steps(const RolloutSpec& rollout, std::vector<std::string>& lines) {
    lines.emplace_back(
        "It comes in steps (canary). New workers share the listeners with old ones and "
        "get about their share of the connections as soon as they are ready:");
    for (const rollout::RolloutStage& stage : rollout.stages)
        lines.push_back("- " + std::to_string(rollout::size_of(stage, rollout.replicas)) + " of " +
                        workers(rollout.replicas) + " new" +
                        (stage.hold ? ", held for " + format_duration(*stage.hold)
                                    : std::string(", held until somebody says `svc promote` or "
                                                  "`svc abort`")));
    lines.emplace_back("- then all");
    lines.push_back("Meanwhile: " + rolling(rollout));
}

void explain_in_place(const RolloutSpec& rollout, std::vector<std::string>& lines) {
    if (!rollout.in_place) // a mistake, told as such
        return;
    const rollout::InPlaceSpec& how = *rollout.in_place;
    lines.emplace_back("The workers reload themselves (in-place), one after the other:");
    lines.push_back("- " + hook_in_words(how.reload));
    lines.push_back(how.verify ? "- then this must succeed: " + hook_in_words(*how.verify)
                               : "- then it must send RELOADING=1, and READY=1 when it is done");
    lines.push_back("- if the version is taken back: " +
                    (how.revert ? hook_in_words(*how.revert)
                                : std::string("it is replaced by a worker that reads the files as "
                                              "they are then")));
    if (how.verify)
        lines.emplace_back("A worker that is started is ready only once that succeeds, too, within "
                           "ready.timeout.");
    lines.push_back("What no reload can change (another program, command, environment, user or "
                    "listener) replaces the workers instead: " +
                    rolling(rollout));
}

void explain_strategy(const RolloutSpec& rollout, std::vector<std::string>& lines) {
    switch (rollout.strategy) {
    case Strategy::rolling:
        lines.push_back("Its workers replace the old ones in turn (rolling): " + rolling(rollout));
        return;
    case Strategy::recreate:
        return explain_recreate(lines);
    case Strategy::blue_green:
        return explain_two_sets(rollout, lines);
    case Strategy::canary:
        return explain_steps(rollout, lines);
    case Strategy::in_place:
        return explain_in_place(rollout, lines);
    }
    fatal("explain_strategy: no such strategy");
}

void explain_hooks(const RolloutSpec& rollout, std::vector<std::string>& lines) {
    if (rollout.analysis)
        lines.push_back((rollout.strategy == Strategy::canary ? "At the end of each step"
                                                              : "Before the new set takes over") +
                        std::string(" this must succeed: ") + hook_in_words(*rollout.analysis) +
                        '.');
    if (rollout.after)
        lines.push_back("When all new workers are available: " + hook_in_words(*rollout.after) +
                        if_it_fails(*rollout.after, "the new version has failed") + '.');
    if (rollout.failed)
        lines.push_back("Once a version has failed: " + hook_in_words(*rollout.failed) + '.');
}

bool is_refused_without_memory(const RolloutSpec& rollout) {
    return rollout.memory_check == rollout::MemoryCheck::refuse &&
           rollout.strategy != Strategy::recreate &&
           rollout::budget_of(rollout, rollout.replicas).surge > 0;
}

/// What starts it, and what has to be so before anything is touched.
void explain_beginning(const rollout::Spec& spec, std::vector<std::string>& lines) {
    std::vector<std::string> looked_at = {"this file"};
    if (!spec.process.environment_files.empty())
        looked_at.emplace_back("an environment file");
    if (!spec.process.release.empty())
        looked_at.emplace_back("where the release leads");
    looked_at.emplace_back("the program");
    for (const auto& input : spec.process.inputs)
        looked_at.push_back(printable(input, 200));
    const std::string last = looked_at.back();
    looked_at.pop_back();
    lines.push_back("`svc reload` brings the next version; `svc apply` does if " +
                    join(looked_at, ", ") + " or " + last + " changed.");
    if (!spec.process.check.empty())
        lines.push_back("Before anything is touched, this must succeed within " +
                        format_duration(spec.process.check_timeout) + ": " +
                        command_line(spec.process.check) + ". If not, the reload is refused.");
    if (spec.rollout.before)
        lines.push_back(
            "Before the first worker is touched: " + hook_in_words(*spec.rollout.before) +
            if_it_fails(*spec.rollout.before, "the new version has failed") + '.');
    if (is_refused_without_memory(spec.rollout))
        lines.emplace_back(
            "It is refused where the workers that run beside the old ones would need "
            "more memory than there is.");
}

std::string failing(const RolloutSpec& rollout) {
    std::string text = "If a new worker fails" +
                       std::string(rollout.analysis ? ", the analysis does" : "") +
                       ", or nothing moves for " + format_duration(rollout.progress_deadline) +
                       " (rollout.progress_deadline), ";
    switch (rollout.on_failure) {
    case rollout::OnFailure::pause:
        return text + "the rollout stops where it is, both versions running, until somebody says "
                      "`svc resume` or `svc abort`.";
    case rollout::OnFailure::rollback:
        break;
    }
    return text + "the new version is taken back: " +
           (rollout.strategy == Strategy::recreate
                ? "its workers end, and those of the old version start again."
                : "its workers end, and the old version serves on with all of its own.");
}

} // namespace

std::string what_in_words(const rollout::Hook& hook) {
    return std::visit(HookWords{}, hook);
}

std::string hook_in_words(const rollout::HookSpec& hook) {
    const bool waits = std::holds_alternative<rollout::SleepHook>(hook.what);
    return what_in_words(hook.what) +
           (hook.timeout && !waits ? " (at most " + format_duration(*hook.timeout) + ')' : "");
}

std::string if_it_fails(const rollout::HookSpec& hook, std::string_view what) {
    if (std::holds_alternative<rollout::SleepHook>(hook.what))
        return {}; // a wait cannot fail
    switch (hook.on_failure) {
    case rollout::HookFailure::ignore:
        return {};
    case rollout::HookFailure::fail:
        return "; if that fails, " + std::string(what);
    }
    fatal("if_it_fails: no such rule");
}

Paragraph explain_rollout(const rollout::Spec& spec) {
    Paragraph paragraph{"reload", {}};
    explain_beginning(spec, paragraph.lines);
    explain_strategy(spec.rollout, paragraph.lines);
    explain_hooks(spec.rollout, paragraph.lines);
    paragraph.lines.push_back(failing(spec.rollout));
    return paragraph;
}

} // namespace svc::wire::service_file
