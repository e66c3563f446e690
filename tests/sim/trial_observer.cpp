// What must never happen in a short story: the invariants of DESIGN.md section 4, and what the strategies promise.
#include "trial.h"

#include <algorithm>

namespace svc::sim {

using namespace rollout;

namespace {

bool progresses(const State& state) {
    return state.rollout && state.rollout->phase == RolloutPhase::progressing;
}

/// Nobody looks at the stages of what ran before.
bool has_stages(const State& state) {
    return progresses(state) && state.rollout->from != 0 &&
           state.revisions.at(state.rollout->to).made_from == 0;
}

[[noreturn]] void broken(const std::string& what) {
    throw Broken(what);
}

} // namespace

/// A warm old set counts against nothing but max_total.
std::size_t Trial::live(const State& state) const {
    return static_cast<std::size_t>(
        std::count_if(books_.processes.begin(), books_.processes.end(), [&](const auto& entry) {
            return !entry.second.retired && entry.second.revision != state.kept;
        }));
}

std::int64_t Trial::available(const State& state) const {
    return std::count_if(books_.processes.begin(), books_.processes.end(), [&](const auto& entry) {
        return !entry.second.retired && entry.second.available &&
               entry.second.revision != state.kept;
    });
}

void Trial::check(const Action& action, const State& state) {
    if (books_.finished)
        broken("6: something is done after the end");
    if (const auto* launch = std::get_if<LaunchWorker>(&action)) {
        check_launch(*launch, state);
    } else if (const auto* release = std::get_if<ReleaseWorker>(&action)) {
        if (!books_.processes.at(release->worker).recorded)
            broken("5: GO before the worker was recorded");
        if (!books_.had_go.insert(release->worker).second)
            broken("5: a worker gets GO twice");
    } else if (const auto* mark = std::get_if<MarkAvailable>(&action)) {
        check_available(*mark, state);
    } else if (const auto* retire = std::get_if<RetireWorker>(&action)) {
        check_retire(*retire, state);
        books_.processes.at(retire->worker).retired = true;
        if (books_.reloading && books_.reloading->worker == retire->worker)
            books_.reloading.reset();
    } else if (std::holds_alternative<ReloadWorker>(action)) {
        if (books_.reloading)
            broken("7: two workers reload themselves at a time");
    } else if (const auto* signal = std::get_if<SignalWorker>(&action)) {
        check_signal(signal->worker, state);
        if (books_.processes.at(signal->worker).signalled)
            broken("5: the stop signal is sent twice");
        if (books_.hooks.contains(signal->worker))
            broken("5: a worker is told to stop while its pre-stop hook runs");
    } else if (const auto* kill = std::get_if<KillWorker>(&action)) {
        check_signal(kill->worker, state);
    } else if (const auto* forget = std::get_if<ForgetWorker>(&action)) {
        if (books_.processes.contains(forget->worker) || books_.hooks.contains(forget->worker))
            broken("5: a worker is forgotten while its process or its hook runs");
        books_.phases.erase(forget->worker);
    } else if (std::holds_alternative<BeginRollout>(action)) {
        books_.stages_passed = 0;
        books_.stage_reached.reset();
        books_.promoted = books_.analysed = books_.prepared = books_.concluded = false;
        follow_take_back(state);
    } else if (std::holds_alternative<ReachStage>(action)) {
        books_.stage_reached = now_;
        books_.promoted = books_.analysed = false;
    } else if (std::holds_alternative<PassStage>(action)) {
        check_stage(state);
    } else if (const auto* back = std::get_if<RollBack>(&action)) {
        books_.stage_reached.reset();
        if (back->reason.empty())
            broken("6: a rollback without a reason");
    } else if (const auto* end = std::get_if<EndRollout>(&action)) {
        check_outcome(end->outcome, state);
    } else if (const auto* drop = std::get_if<DropRevision>(&action)) {
        books_.listening.erase(drop->revision);
        check_listeners(state);
    } else if (std::holds_alternative<Finish>(action) && !books_.processes.empty()) {
        broken("6: the supervisor ends and leaves workers");
    }
}

/// An undo to the warm old set gives its workers the new number; nothing else changes a worker's.
void Trial::follow_take_back(const State& state) {
    for (auto& [id, process] : books_.processes) {
        const RevisionNumber now = state.workers.at(id).revision;
        if (now == process.revision)
            continue;
        if (books_.undoes[now] != process.revision)
            broken("5: a worker changes its revision without an undo to it");
        process.revision = now;
    }
}

void Trial::check_launch(const LaunchWorker& action, const State& state) {
    if (books_.processes.contains(action.worker))
        broken("5: a worker's id is used twice");
    if (!books_.listening.contains(action.revision))
        broken("1: a worker starts without its listeners");
    for (const auto& [id, process] : books_.processes)
        if (process.name == state.workers.at(action.worker).name)
            broken("5: two workers are named " + process.name);
    check_strategy(action, state);
    if (live(state) + 1 > scenario_.live)
        broken("3: more workers than replicas + max_surge");
    if (books_.processes.size() + 1 > scenario_.total)
        broken("3: more workers than max_total");
}

/// What the strategy forbids to a new worker.
void Trial::check_strategy(const LaunchWorker& action, const State& state) {
    if (!progresses(state) || action.revision != state.rollout->to)
        return;
    if (state.rollout->paused_at)
        broken("8: a worker of the new revision starts while its rollout is paused");
    if (scenario_.spec.rollout.before && !books_.prepared)
        broken("7: a worker of the new revision starts before the rollout's first hook passed");
    std::size_t newer = 0;
    for (const auto& [id, process] : books_.processes) {
        newer += process.revision == action.revision && !process.retired ? 1 : 0;
        if (scenario_.spec.rollout.strategy == Strategy::recreate &&
            process.revision != action.revision)
            broken("7: recreate starts a worker beside an old one");
    }
    if (has_stages(state) && books_.stages_passed < scenario_.sizes.size() &&
        newer + 1 > scenario_.sizes[books_.stages_passed])
        broken("7: more new workers than the stage has");
}

void Trial::check_available(const MarkAvailable& action, const State&) {
    Books::Process& process = books_.processes.at(action.worker);
    if (!process.ready_at || now_ - *process.ready_at < scenario_.spec.rollout.min_ready)
        broken("2: counted as available before min_ready");
    process.available = true;
}

void Trial::check_retire(const RetireWorker& action, const State& state) {
    const auto found = books_.processes.find(action.worker);
    if (found == books_.processes.end())
        broken("5: a worker without a process is retired");
    const Books::Process& process = found->second;
    if (process.retired)
        broken("5: a worker is retired twice");
    if (action.why == Retirement::failed && process.available &&
        available(state) - 1 < std::min(scenario_.floor, std::int64_t{state.replicas} - 1))
        broken("9: a failing probe leaves too few available workers");
    if (action.why == Retirement::stopped || action.why == Retirement::failed)
        return;
    if (process.available && available(state) - 1 < scenario_.floor)
        broken("2: a drain leaves too few available workers");
    if (action.why == Retirement::scaled_down)
        return;
    if (state.rollout && state.rollout->paused_at)
        broken("8: a worker is replaced while the rollout is paused");
    if (process.revision == state.current && !progresses(state) &&
        state.workers.at(action.worker).stale.empty())
        broken("4: a failure of another revision takes a healthy worker away");
    if (scenario_.spec.rollout.strategy == Strategy::blue_green && has_stages(state) &&
        process.revision == state.rollout->from && books_.stages_passed == 0 &&
        state.workers.at(action.worker).stale.empty())
        broken("7: an old worker is replaced before the second set is promoted");
}

void Trial::check_signal(WorkerId id, const State& state) {
    const auto found = books_.processes.find(id);
    if (found == books_.processes.end())
        broken("5: a signal to a process that is gone");
    if (!found->second.retired && state.wanted != Wanted::stop_now)
        broken("4: a signal to a worker that nobody retired");
}

void Trial::check_stage(const State& state) {
    if (!books_.stage_reached)
        broken("7: a stage is passed that was not reached");
    const RolloutStage& stage = scenario_.spec.rollout.stages.at(books_.stages_passed);
    if (!books_.promoted && (!stage.hold || now_ - *books_.stage_reached < *stage.hold))
        broken("7: a stage is passed before its hold is over");
    if (scenario_.spec.rollout.analysis && !books_.analysed)
        broken("7: a stage is passed without its analysis");
    if (state.rollout->paused_at)
        broken("8: a stage is passed while the rollout is paused");
    ++books_.stages_passed;
    books_.stage_reached.reset();
}

void Trial::check_outcome(const Outcome& outcome, const State& state) {
    if (!books_.ended.insert(outcome.revision).second)
        broken("6: a rollout ends twice");
    if (outcome.verdict != Verdict::complete) {
        if (outcome.reason.empty())
            broken("6: a rollout ends without a reason");
        return;
    }
    if (scenario_.spec.rollout.after && !books_.concluded)
        broken("7: complete before the rollout's last hook passed");
    if (books_.bad.contains(outcome.revision))
        broken("6: a revision that cannot run is complete");
    const auto undo = books_.undoes.find(outcome.revision);
    if (undo != books_.undoes.end() &&
        state.revisions.at(outcome.revision).made_from != undo->second)
        broken("9: an undo ends at another revision than the chosen one");
    std::set<std::uint32_t> served;
    for (const auto& [id, process] : books_.processes) {
        if (process.retired || process.revision == state.kept)
            continue;
        if (process.revision != outcome.revision)
            broken("6: complete, but another revision still serves");
        if (process.available)
            served.insert(process.replica);
    }
    if (served.size() < scenario_.spec.rollout.replicas)
        broken("6: complete, but a replica is not served");
}

void Trial::check_listeners(const State& state) {
    for (const auto& [id, process] : books_.processes)
        if (!books_.listening.contains(process.revision))
            broken("1: a listener is closed while " + process.name + " uses it");
    if (state.current != 0 && !books_.listening.contains(state.current))
        broken("1: the current revision's listeners are closed");
}

void Trial::settled(const State& state) {
    if (const auto consistent = check_consistent(state); !consistent)
        broken("state: " + consistent.error().message);
    for (const auto& [id, worker] : state.workers) {
        const auto known = books_.phases.find(id);
        if (known != books_.phases.end() && worker.phase < known->second)
            broken("5: the phase of " + worker.name + " moves backwards");
        books_.phases[id] = worker.phase;
        if (books_.processes.contains(id) && books_.processes.at(id).said_ready &&
            worker.phase == WorkerPhase::starting && !worker.said_ready)
            broken("6: the READY=1 of " + worker.name + " is lost");
        if (has_process(worker) != books_.processes.contains(id))
            broken("5: " + worker.name + " is believed to run, or not to");
    }
    for (const auto& [id, process] : books_.processes)
        if (!state.workers.contains(id))
            broken("5: " + process.name + " lives, and is forgotten");
    check_listeners(state);
    if (state.wanted == Wanted::run && live(state) > scenario_.live)
        broken("3: more workers than replicas + max_surge");
    if (state.wanted == Wanted::run && state.kept != 0)
        check_kept(state);
    publish(state);
    maybe_crash();
    books_.store.settle();
}

/// A warm old set is in nobody's way: nobody waits for its room, but for what drains already.
void Trial::check_kept(const State& state) {
    std::set<std::uint32_t> served;
    std::set<std::uint32_t> succeeded;
    std::size_t leaving = 0;
    for (const auto& [id, process] : books_.processes) {
        leaving += process.retired ? 1 : 0;
        if (process.retired || process.revision == state.kept)
            continue;
        served.insert(process.replica);
        if (state.workers.at(id).stale.empty())
            succeeded.insert(process.replica);
    }
    std::size_t due = 0;
    for (const Replica& replica : state.replica_list) {
        const bool waits = replica.next_start && *replica.next_start > now_;
        const auto& here = served.size() < state.replicas ? served : succeeded;
        due += !here.contains(replica.index) && !waits ? 1 : 0;
    }
    if (due > leaving)
        broken("3: a worker is not started, for a warm old set takes its room");
}

/// Nothing more happens by itself.
void Trial::check_rest() {
    const State& state = supervisor_->state();
    if (state.wanted != Wanted::run) {
        if (!books_.finished)
            broken("6: a stop does not end");
        return;
    }
    if (state.rollout || state.pending != 0)
        broken("6: a rollout does not end");
    for (RevisionNumber number = 1; number < state.next_revision; ++number)
        if (!books_.ended.contains(number) && find_outcome(state, number) == nullptr)
            broken("6: revision " + std::to_string(number) + " has no verdict");
    std::set<std::uint32_t> served;
    for (const auto& [id, process] : books_.processes) {
        if (process.revision != state.current || !process.available || process.retired)
            broken("6: " + process.name + " is left over");
        served.insert(process.replica);
    }
    if (state.next_revision > 1 && served.size() != scenario_.spec.rollout.replicas)
        broken("6: a replica is not served");
}

} // namespace svc::sim
