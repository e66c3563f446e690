// What a rollout in stages is at, in words.
#include "base/text.h"
#include "wire/control.h"
#include "wire/described.h"

#include <boost/describe/enum_to_string.hpp>

#include <algorithm>

namespace svc::wire {
namespace {

using rollout::HookProgress;
using rollout::Rollout;
using rollout::RolloutHook;
using rollout::RolloutStage;
using rollout::State;
using rollout::Strategy;

std::string count(std::uint64_t value) {
    return std::to_string(value);
}

/// How far it is, without what it waits for.
std::string place_of(const State& state, const rollout::RolloutSpec& spec) {
    const std::string available = count(rollout::available_workers(state, state.rollout->to)) +
                                  " of " + count(state.replicas);
    if (spec.strategy == Strategy::blue_green)
        return "blue-green: second set, " + available + " workers available";
    return "canary: step " + count(state.rollout->stage + 1) + " of " + count(spec.stages.size()) +
           ", " + available + " workers new";
}

std::string wait_of(const State& state, const RolloutStage& stage, Instant now) {
    const Rollout& rollout = *state.rollout;
    if (const std::string hook = hook_under_way(state); !hook.empty())
        return hook;
    if (!rollout.stage_reached)
        return "fills up to " + count(rollout::fresh_limit(state));
    if (rollout.promoted)
        return "promoted";
    if (!stage.hold)
        return "waits for svc promote";
    // A pause stops the clock.
    const Instant clock = rollout.paused_at ? std::min(*rollout.paused_at, now) : now;
    const auto left = std::max(*rollout.stage_reached + *stage.hold - clock, Duration::zero());
    const std::string length = format_rough(std::chrono::ceil<std::chrono::seconds>(left));
    return rollout.paused_at ? length + " of its hold left" : "goes on in " + length;
}

std::optional<RolloutHook> running_hook(const State& state) {
    if (!state.rollout || state.rollout->phase != rollout::RolloutPhase::progressing)
        return std::nullopt;
    if (state.rollout->before == HookProgress::running)
        return RolloutHook::before;
    if (state.rollout->analysis == HookProgress::running)
        return RolloutHook::analysis;
    return state.rollout->after == HookProgress::running ? std::optional(RolloutHook::after)
                                                         : std::nullopt;
}

/// How long a hook may take, into what its progress is drawn from; a sleep takes as long as it says.
void put_length_of(RolloutHook which, const State& state, Instant now, Progress& progress) {
    const auto& hook = rollout::hook_of(rollout::rollout_spec_in_force(state), which);
    if (!hook || !state.rollout->hook_began)
        return;
    const auto* const sleep = std::get_if<rollout::SleepHook>(&hook->what);
    const auto length = sleep != nullptr ? std::optional(sleep->length) : hook->timeout;
    if (!length)
        return;
    progress.length_us = length->count();
    progress.left_us =
        std::max(*state.rollout->hook_began + *length - now, Duration::zero()).count();
}

std::string describe_unstaged(const State& state) {
    if (std::string hook = hook_under_way(state); !hook.empty())
        return hook;
    if (!state.rollout || state.rollout->phase != rollout::RolloutPhase::progressing)
        return {};
    const auto to = state.revisions.find(state.rollout->to);
    if (to == state.revisions.end() || !to->second.in_place)
        return {};
    const auto done =
        std::count_if(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
            return is_available(entry.second) && is_fresh(entry.second, state.rollout->to);
        });
    return "in place: " + count(static_cast<std::uint64_t>(done)) + " of " + count(state.replicas) +
           " workers reloaded";
}

} // namespace

std::string hook_under_way(const State& state) {
    const auto hook = running_hook(state);
    if (!hook)
        return {};
    return *hook == RolloutHook::analysis ? "analysis runs"
                                          : std::string(describe(*hook)) + " runs";
}

std::string describe_stage(const State& state, Instant now) {
    if (!rollout::is_staged(state))
        return describe_unstaged(state);
    const rollout::RolloutSpec& spec = rollout::rollout_spec_in_force(state);
    const RolloutStage& stage = spec.stages.at(state.rollout->stage);
    return place_of(state, spec) + ", " + wait_of(state, stage, now);
}

void put_wait_of_stage(const State& state, Instant now, Progress& progress) {
    if (const auto hook = running_hook(state)) {
        progress.waits_for = std::string(describe(*hook));
        put_length_of(*hook, state, now, progress);
        return;
    }
    if (!rollout::is_staged(state) || !state.rollout->stage_reached || state.rollout->promoted)
        return;
    const Rollout& rollout = *state.rollout;
    const RolloutStage& stage = rollout::rollout_spec_in_force(state).stages.at(rollout.stage);
    if (!stage.hold) {
        progress.waits_for = "svc promote";
        return;
    }
    progress.waits_for = "the end of its hold";
    // A pause stops the clock, and a drawing cannot stop it: no time is told.
    if (rollout.paused_at)
        return;
    progress.length_us = stage.hold->count();
    progress.left_us =
        std::max(*rollout.stage_reached + *stage.hold - now, Duration::zero()).count();
}

std::string name_of(rollout::Strategy strategy) {
    std::string name = boost::describe::enum_to_string(strategy, "");
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

std::string name_of_stage(const State& state) {
    if (!state.rollout)
        return {};
    if (state.rollout->phase == rollout::RolloutPhase::rolling_back)
        return "rolling back";
    const rollout::RolloutSpec& spec = rollout::rollout_spec_in_force(state);
    const std::string name = name_of(spec.strategy);
    if (!rollout::is_staged(state) || spec.stages.size() < 2)
        return name;
    return name + ", step " + count(state.rollout->stage + 1) + " of " + count(spec.stages.size());
}

std::uint32_t count_serving(const State& state) {
    const std::uint32_t kept = state.kept == 0 ? 0 : rollout::available_workers(state, state.kept);
    return rollout::available_workers(state) - kept;
}

} // namespace svc::wire
