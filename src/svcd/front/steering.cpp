#include "svcd/front/steering.h"

#include "base/text.h"
#include "os/clock.h"
#include "wire/control.h"

#include <algorithm>

namespace svc::daemon {

using rollout::Rollout;
using rollout::RolloutPhase;
using rollout::State;
using rollout::Strategy;
using rollout::Worker;

namespace {

std::string revision_text(rollout::RevisionNumber number) {
    return "revision " + std::to_string(number);
}

std::string rollout_text(const State& state) {
    return "the rollout of " + revision_text(state.rollout->to);
}

bool rolls_back(const State& state) {
    return state.rollout && state.rollout->phase == RolloutPhase::rolling_back;
}

std::string why_none(const State& state, const std::string& verb) {
    if (!state.rollout)
        return "nothing to " + verb + ": no rollout is under way";
    if (rolls_back(state))
        return "nothing to " + verb + ": " + revision_text(state.rollout->to) +
               " is being rolled back already";
    return {};
}

const Worker* find_live(const State& state, std::uint32_t replica) {
    const auto found =
        std::find_if(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
            return entry.second.replica == replica && rollout::is_live(entry.second) &&
                   entry.second.revision == state.current;
        });
    return found == state.workers.end() ? nullptr : &found->second;
}

} // namespace

bool was_asked_for(std::string_view reason) {
    return reason.starts_with(aborted_by) || reason.starts_with(undone_by);
}

std::string describe_taking_back(const State& state) {
    std::string text;
    if (can_go_back(state))
        text = rollout_text(state) + " is taken back";
    if (state.pending != 0)
        text += (text.empty() ? "" : "; ") + revision_text(state.pending) +
                ", which waited, is called off";
    return text;
}

bool can_go_back(const State& state) {
    return state.rollout && !rolls_back(state) && state.rollout->from != 0;
}

bool paused_by_failure(const State& state) {
    return state.rollout && state.rollout->paused_at && !state.rollout->failure.empty() &&
           state.rollout->failure == state.rollout->pause_reason;
}

std::string why_not_pause(const State& state) {
    if (std::string none = why_none(state, "pause"); !none.empty())
        return none;
    const Rollout& rollout = *state.rollout;
    if (rollout.from == 0)
        return "the first rollout cannot be paused: there is no other revision that would serve "
               "meanwhile";
    if (rollout.paused_at)
        return rollout_text(state) + " is paused already: " + rollout.pause_reason;
    if (rollout::rollout_spec_in_force(state).strategy == Strategy::recreate)
        return "a recreate cannot be paused: its old workers are gone, and nobody would serve; "
               "`svc abort` brings them back";
    return {};
}

std::string why_not_resume(const State& state) {
    if (std::string none = why_none(state, "resume"); !none.empty())
        return none;
    if (state.rollout->paused_at)
        return {};
    const std::string waits = standstill_of(state, state.rollout->to);
    return rollout_text(state) + " is not paused" + (waits.empty() ? "" : "; it " + waits);
}

std::string why_not_abort(const State& state) {
    if (state.pending != 0)
        return {};
    if (std::string none = why_none(state, "abort"); !none.empty())
        return none;
    if (state.rollout->from == 0)
        return "the first rollout cannot be aborted: there is no revision to go back to; `svc "
               "stop` ends it, `svc reload --supersede` tries another one";
    return {};
}

std::string why_not_promote(const State& state) {
    if (std::string none = why_none(state, "promote"); !none.empty())
        return none;
    const Rollout& rollout = *state.rollout;
    if (!rollout::is_staged(state))
        return rollout_text(state) + " is held by nothing that could be promoted";
    if (rollout.paused_at)
        return rollout_text(state) + " is paused (" + rollout.pause_reason +
               "); `svc resume` it first";
    if (!rollout.stage_reached)
        return "it is too early to promote: " + wire::describe_stage(state, os::now());
    if (rollout.analysis == rollout::HookProgress::running)
        return "nothing holds it any more: its analysis runs, and decides";
    if (rollout.promoted)
        return "it is promoted already";
    return {};
}

std::string why_not_replace(const State& state, std::uint32_t replica) {
    if (state.rollout)
        return "while " + rollout_text(state) +
               " is under way no worker is replaced by one of its own revision; wait for its end";
    if (replica >= state.replicas)
        return "there is no replica " + std::to_string(replica) + "; " +
               (state.replicas == 0 ? "there are none"
                                    : "they are 0 to " + std::to_string(state.replicas - 1));
    const Worker* worker = find_live(state, replica);
    if (worker == nullptr)
        return "replica " + std::to_string(replica) +
               " has no worker that could be replaced; `svc status` says what it waits for";
    if (!worker->stale.empty())
        return worker->name + " is being replaced already (" + worker->stale + ")";
    return {};
}

std::string why_not_freeze(const State& state) {
    if (!state.frozen)
        return {};
    return "rollouts are frozen already, " + *state.frozen + "; `svc unfreeze` first";
}

std::string why_not_unfreeze(const State& state) {
    return state.frozen ? "" : "rollouts are not frozen";
}

std::string why_no_rollout(const State& state) {
    if (!state.frozen)
        return {};
    return "rollouts are frozen " + *state.frozen +
           "; nothing was changed (`svc unfreeze` allows them again)";
}

std::string standstill_of(const State& state, rollout::RevisionNumber revision) {
    if (!rollout::is_held(state) || state.rollout->to != revision)
        return {};
    const Rollout& rollout = *state.rollout;
    if (rollout.paused_at)
        return "is paused: " + rollout.pause_reason;
    if (!rollout::is_staged(state) || rollout.promoted ||
        rollout.analysis != rollout::HookProgress::due)
        return {};
    const auto& hold = rollout::rollout_spec_in_force(state).stages.at(rollout.stage).hold;
    return hold ? "is held for " + format_duration(*hold) : "waits for `svc promote`";
}

} // namespace svc::daemon
