// The observer: the invariants of DESIGN.md section 4, checked against what was really done to the
// simulated machine, not against what the supervisor believes.
#include "world.h"

#include "wire/codec.h"

#include <algorithm>

namespace svc::sim {

using namespace rollout;

void World::violated(const std::string& what) {
    narrate("the state is " + wire::serialize_state(believed()));
    throw Violation("seed " + std::to_string(options_.seed) + ": invariant " + what);
}

// A warm old set is beside everything: it counts for nothing and against nothing but max_total.
std::uint32_t World::live(const State& state) const {
    return static_cast<std::uint32_t>(
        std::count_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
            return !entry.second.retired && entry.second.revision != state.kept;
        }));
}

std::uint32_t World::available(const State& state) const {
    return static_cast<std::uint32_t>(
        std::count_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
            return !entry.second.retired && entry.second.available &&
                   entry.second.revision != state.kept;
        }));
}

/// An undo to the warm old set gives its workers the new number; nothing else changes a worker's.
void World::follow_take_back(const State& state) {
    for (auto& [id, process] : processes_) {
        const auto worker = state.workers.find(id);
        if (worker == state.workers.end() || worker->second.revision == process.revision)
            continue;
        const Revision& revision = state.revisions.at(worker->second.revision);
        if (revision.made_from != process.revision)
            violated("5: a worker changes its revision without an undo to it");
        process.revision = worker->second.revision;
        count("taken back warm");
    }
}

/// A stage is passed only after its hold or a promotion, and after its analysis.
void World::check_stage(const State& state) {
    const Rollout& rollout = *state.rollout;
    const RolloutSpec& spec = state.revisions.at(rollout.to).spec.rollout;
    const RolloutStage& stage = spec.stages.at(stages_passed_[rollout.to]++);
    if (!stage_reached_)
        violated("7: a stage is passed that was not reached");
    if (!promoted_ && (!stage.hold || now_ - *stage_reached_ < *stage.hold))
        violated("7: a stage is passed before its hold is over");
    if (spec.analysis && !analysed_)
        violated("7: a stage is passed without its analysis");
    if (rollout.paused_at)
        violated("8: a stage is passed while the rollout is paused");
    count("stage passed");
}

/// A rollout progresses and its revision does not serve every wanted replica yet.
bool World::on_trial(const State& state) const {
    if (!state.rollout || state.rollout->phase != RolloutPhase::progressing)
        return false;
    std::set<std::uint32_t> served;
    for (const auto& [id, process] : processes_)
        if (process.revision == state.rollout->to && process.available && !process.retired &&
            process.replica < state.replicas)
            served.insert(process.replica);
    if (served.size() < state.replicas)
        return true;
    const Revision& to = state.revisions.at(state.rollout->to);
    const auto passed = stages_passed_.find(to.number);
    return to.made_from == 0 && state.rollout->from != 0 &&
           (passed == stages_passed_.end() ? 0 : passed->second) < to.spec.rollout.stages.size();
}

Budget World::budget(const State& state) {
    const RevisionNumber target = !state.rollout ? state.current
                                  : state.rollout->phase == RolloutPhase::progressing
                                      ? state.rollout->to
                                      : state.rollout->from;
    if (!state.revisions.contains(target))
        violated("1: the target revision was dropped");
    // Until every wanted replica is served by the new revision, what there was before must stay possible.
    std::uint32_t replicas = state.replicas;
    if (on_trial(state))
        replicas = std::max(replicas, state.rollout->previous_replicas);
    RolloutSpec spec = state.revisions.at(target).spec.rollout;
    if (state.rollout)
        spec.strategy = state.revisions.at(state.rollout->to).spec.rollout.strategy;
    else if (spec.strategy == Strategy::blue_green)
        spec.strategy = Strategy::rolling;
    return budget_of(spec, replicas);
}

void World::observe_action(const Action& action, const State& state) {
    if (finished_)
        violated("6: something is done after the end");
    if (const auto* launching = std::get_if<LaunchWorker>(&action)) {
        check_launch(*launching, state);
    } else if (const auto* release = std::get_if<ReleaseWorker>(&action)) {
        if (state.workers.at(release->worker).phase != WorkerPhase::executing)
            violated("5: GO before the worker was recorded");
        if (!processes_.at(release->worker).recorded)
            violated("5: GO before the store has the worker");
    } else if (const auto* mark = std::get_if<MarkReady>(&action)) {
        Process& process = processes_.at(mark->worker);
        if (!verification_of(state.revisions.at(process.revision).spec))
            process.ready_at = now_;
    } else if (const auto* available_now = std::get_if<MarkAvailable>(&action)) {
        check_available(available_now->worker, state);
    } else if (const auto* retire = std::get_if<RetireWorker>(&action)) {
        check_retire(*retire, state);
        processes_.at(retire->worker).retired = true;
        reloading_.erase(retire->worker);
    } else if (const auto* signal = std::get_if<SignalWorker>(&action)) {
        check_signal(signal->worker, state);
        if (processes_.at(signal->worker).signalled)
            violated("5: the stop signal is sent twice");
    } else if (const auto* kill = std::get_if<KillWorker>(&action)) {
        check_signal(kill->worker, state);
    } else if (const auto* forget = std::get_if<ForgetWorker>(&action)) {
        if (processes_.contains(forget->worker))
            violated("5: a worker is forgotten while its process runs");
        phases_.erase(forget->worker);
    } else if (std::holds_alternative<BeginRollout>(action)) {
        stage_reached_.reset();
        prepared_ = concluded_ = false;
        follow_take_back(state);
    } else if (std::holds_alternative<ReachStage>(action)) {
        stage_reached_ = now_;
        promoted_ = analysed_ = false;
    } else if (std::holds_alternative<PassStage>(action)) {
        check_stage(state);
        stage_reached_.reset();
    } else if (const auto* pause = std::get_if<PauseRollout>(&action)) {
        count("paused by its failure");
        check_blame(pause->reason);
    } else if (const auto* noted = std::get_if<NoteFailure>(&action)) {
        check_blame(noted->reason);
    } else if (const auto* roll_back = std::get_if<RollBack>(&action)) {
        count("rollback");
        if (roll_back->reason.empty())
            violated("6: a rollback without a reason");
        check_blame(roll_back->reason);
    } else if (const auto* end = std::get_if<EndRollout>(&action)) {
        check_outcome(end->outcome, state);
    } else if (const auto* drop = std::get_if<DropRevision>(&action)) {
        listening_.erase(drop->revision);
        check_listeners(state);
    } else if (const auto* finish = std::get_if<Finish>(&action)) {
        check_finish(*finish, state);
    }
}

void World::check_available(WorkerId id, const State& state) {
    Process& process = processes_.at(id);
    const bool immediate =
        state.rollout && state.rollout->immediate && process.revision == state.rollout->to;
    const Duration least =
        immediate ? Duration{0} : state.revisions.at(process.revision).spec.rollout.min_ready;
    if (!process.ready_at || now_ - *process.ready_at < least)
        violated("2: counted as available before min_ready");
    process.available = true;
}

bool World::all_unkillable() const {
    return std::all_of(processes_.begin(), processes_.end(),
                       [](const auto& entry) { return entry.second.unkillable; });
}

void World::check_finish(const Finish& finish, const State& state) {
    if (processes_.empty())
        return;
    if (!all_unkillable())
        violated("6: the supervisor ends and leaves workers");
    if (finish.exit_status == 0)
        violated("6: workers are left behind, and the exit status does not tell");
    if (state.workers.size() != processes_.size())
        violated("6: a worker that is left behind is forgotten");
    count("left behind");
}

void World::check_launch(const LaunchWorker& action, const State& state) {
    if (processes_.contains(action.worker))
        violated("5: a worker's id is used twice");
    if (!listening_.contains(action.revision))
        violated("1: a worker starts without its listeners");
    const Budget limit = budget(state);
    if (action.replica >= limit.replicas)
        violated("3: a worker starts for a replica that is not wanted");
    check_strategy(action, state); // says more than the numbers
    if (live(state) + 1 > limit.replicas + limit.surge)
        violated("3: more workers than replicas + max_surge");
    if (processes_.size() + 1 > limit.total)
        violated("3: more workers than max_total");
    const std::string name = state.workers.at(action.worker).name;
    never_ran_.erase(name); // this one may
    for (const auto& [id, worker] : state.workers)
        if (id != action.worker && worker.name == name)
            violated("5: two workers are named " + name);
    count("launch");
}

/// What the strategy forbids to a new worker.
void World::check_strategy(const LaunchWorker& action, const State& state) {
    if (!state.rollout || state.rollout->phase != RolloutPhase::progressing ||
        action.revision != state.rollout->to)
        return;
    const Rollout& rollout = *state.rollout;
    if (rollout.paused_at)
        violated("8: a worker of the new revision starts while its rollout is paused");
    const Revision& revision = state.revisions.at(rollout.to);
    if (revision.spec.rollout.before && !prepared_)
        violated("7: a worker of the new revision starts before the rollout's first hook passed");
    const RolloutSpec& spec = revision.spec.rollout;
    std::uint32_t newer = 0;
    for (const auto& [id, process] : processes_) {
        newer += process.revision == rollout.to && !process.retired ? 1 : 0;
        if (spec.strategy == Strategy::recreate && process.revision != rollout.to &&
            state.workers.at(id).kill_failure.empty())
            violated("7: recreate starts a worker beside an old one");
    }
    const std::size_t passed = stages_passed_[rollout.to];
    const bool staged = passed < spec.stages.size() && revision.made_from == 0 && rollout.from != 0;
    if (staged && newer + 1 > size_of(spec.stages[passed], state.replicas))
        violated("7: more new workers than the stage has");
}

void World::check_retire(const RetireWorker& action, const State& state) {
    const auto found = processes_.find(action.worker);
    if (found == processes_.end())
        violated("5: a worker without a process is retired");
    const Process& process = found->second;
    if (process.retired)
        violated("5: a worker is retired twice");
    count("retire " + std::to_string(static_cast<int>(action.why)));
    if (action.why == Retirement::failed && process.available && process.revision != state.kept)
        check_failing(state);
    if (action.why == Retirement::scaled_down && process.available && on_trial(state) &&
        process.revision == state.rollout->from &&
        process.replica < state.rollout->previous_replicas &&
        state.workers.at(action.worker).stale.empty())
        violated("4: a revision on trial costs a worker that serves");
    const bool replaced =
        action.why == Retirement::replaced || action.why == Retirement::taken_back;
    if (!replaced)
        return;
    const bool stale = !state.workers.at(action.worker).stale.empty();
    // What a superseded rollout left on its way to serve may go at any time: nobody is served by it.
    const bool serves = process.available || action.why == Retirement::replaced;
    if (serves && state.rollout && state.rollout->paused_at)
        violated("8: a worker is replaced while the rollout is paused");
    if (state.rollout && !stale && process.revision == state.rollout->from &&
        state.rollout->from != 0 && state.rollout->phase == RolloutPhase::progressing) {
        const Revision& to = state.revisions.at(state.rollout->to);
        if (to.spec.rollout.strategy == Strategy::blue_green && to.made_from == 0 &&
            stages_passed_[to.number] < to.spec.rollout.stages.size())
            violated("7: an old worker is replaced before the second set is promoted");
    }
    if (process.revision == state.current && !stale &&
        (!state.rollout || state.rollout->phase == RolloutPhase::rolling_back))
        violated("4: a failure of another revision takes a healthy worker away");
    const Budget limit = budget(state);
    const std::uint32_t floor = limit.replicas - limit.unavailable;
    const bool succeeded =
        stale && std::any_of(processes_.begin(), processes_.end(), [&](const auto& entry) {
            const Process& other = entry.second;
            return entry.first != action.worker && other.replica == process.replica &&
                   other.revision == process.revision && other.available && !other.retired;
        });
    if (process.available && !succeeded && available(state) - 1 < floor)
        violated("2: a drain leaves " + std::to_string(available(state) - 1) +
                 " available workers, fewer than " + std::to_string(floor));
}

/// A probe that fails everywhere must not take everything down.
void World::check_failing(const State& state) {
    if (!state.rollout && state.current == 0)
        return; // nothing is wanted of anybody any more
    const std::uint32_t missing = std::max(budget(state).unavailable, 1u);
    if (available(state) - 1 + missing < state.replicas)
        violated("9: a failing probe leaves " + std::to_string(available(state) - 1) +
                 " available workers of " + std::to_string(state.replicas));
    count("drained, failing");
}

void World::check_signal(WorkerId id, const State& state) {
    const auto found = processes_.find(id);
    if (found == processes_.end())
        violated("5: a signal to a process that is gone");
    if (!found->second.retired && state.wanted != Wanted::stop_now)
        violated("4: a signal to a worker that nobody retired");
}

void World::check_outcome(const Outcome& outcome, const State& state) {
    if (!ended_.insert(outcome.revision).second)
        violated("6: a rollout ends twice");
    if (outcome.verdict != Verdict::complete) {
        if (outcome.reason.empty())
            violated("6: a rollout ends without a reason");
        check_blame(outcome.reason);
        return;
    }
    if (state.revisions.at(outcome.revision).spec.rollout.after && !concluded_)
        violated("7: complete before the rollout's last hook passed");
    completed_.insert(outcome.revision);
    std::set<std::uint32_t> served;
    for (const auto& [id, process] : processes_) {
        if (process.retired || process.revision == state.kept)
            continue;
        if (process.revision != outcome.revision)
            violated("6: complete, but another revision still serves");
        if (process.available)
            served.insert(process.replica);
    }
    for (std::uint32_t index = 0; index < state.replicas; ++index)
        if (!served.contains(index) && !state.replica_list.at(index).held_down)
            violated("6: complete, but a replica is not served");
}

} // namespace svc::sim
