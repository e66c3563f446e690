// advance_stages(): the holds of a canary, the promotion of a second set, and when neither is kept any
// longer. What a stage permits, fresh_limit() says; who fills it, move.cpp.
#include "rollout/planner.h"

namespace svc::rollout {

namespace {

bool is_filled(const State& state) {
    const RevisionNumber to = state.rollout->to;
    return available_workers(state, to) >= fresh_limit(state);
}

bool hold_is_over(Planner& planner, const RolloutStage& stage) {
    const Rollout& rollout = *planner.state.rollout;
    if (rollout.promoted)
        return true;
    return stage.hold && planner.due(*rollout.stage_reached + *stage.hold);
}

void end_stage(Planner& planner) {
    const Rollout& rollout = *planner.state.rollout;
    const bool analysed = planner.spec_of(rollout.to).rollout.analysis.has_value();
    if (!analysed || rollout.analysis == HookProgress::passed)
        planner.act(PassStage{});
    else if (rollout.analysis == HookProgress::due)
        planner.act(RunRolloutHook{rollout.to, RolloutHook::analysis, rollout.stage});
}

} // namespace

void begin_rollout_hooks(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run || !state.rollout || state.rollout->paused_at ||
        state.rollout->phase != RolloutPhase::progressing)
        return;
    const Rollout& rollout = *state.rollout;
    if (planner.spec_of(rollout.to).rollout.before && rollout.before == HookProgress::due)
        planner.act(RunRolloutHook{rollout.to, RolloutHook::before, rollout.stage});
}

void advance_stages(Planner& planner) {
    const State& state = planner.state;
    if (state.wanted != Wanted::run || !is_staged(state) || stands_still(state))
        return;
    const Rollout& rollout = *state.rollout;
    if (!is_filled(state))
        return; // one that was there and is recycled comes back: the hold goes on
    const RolloutStage& stage = planner.spec_of(rollout.to).rollout.stages[rollout.stage];
    if (!rollout.stage_reached)
        planner.act(ReachStage{});
    else if (hold_is_over(planner, stage))
        end_stage(planner);
}

void end_keeping(Planner& planner) {
    const State& state = planner.state;
    if (state.kept == 0)
        return;
    const bool any =
        std::any_of(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
            return entry.second.revision == state.kept && is_live(entry.second);
        });
    if (!any)
        planner.act(EndKeeping{"none of its workers is left"});
    else if (planner.due(state.kept_until))
        planner.act(EndKeeping{"its time is over"});
}

} // namespace svc::rollout
