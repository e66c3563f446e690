// The observer, once a step has settled, and at the end of a story.
#include "world.h"

#include "wire/codec.h"

#include <algorithm>

namespace svc::sim {

using namespace rollout;

void World::settled(const State& state) {
    check_settled(state);
    if (const auto consistent = check_consistent(state); !consistent)
        violated("state: " + consistent.error().message);
    asked_.clear();
    publish(state);
    store_.settle();
    if (!options_.check_round_trip)
        return;
    const std::string text = wire::serialize_state(state);
    const auto parsed = wire::parse_state(text);
    if (!parsed)
        violated("state: " + parsed.error().message);
    if (!(*parsed == state))
        violated("state: parse(serialize(state)) differs");
}

void World::check_settled_worker(const Worker& worker) {
    const auto known = phases_.find(worker.id);
    if (known != phases_.end() && worker.phase < known->second)
        violated("5: the phase of " + worker.name + " moves backwards");
    phases_[worker.id] = worker.phase;
    if (has_process(worker) && worker.phase != WorkerPhase::spawning &&
        !processes_.contains(worker.id))
        violated("5: " + worker.name + " is believed to run");
}

/// What a worker says once is heard, whoever was there to hear it.
void World::check_heard(const Process& process, const Worker& worker, ReadyOn on) {
    if (on == ReadyOn::notify && process.notified && worker.phase == WorkerPhase::starting &&
        !worker.said_ready)
        violated("6: the READY=1 of " + worker.name + " is lost");
    if (process.main != 0 && worker.phase >= WorkerPhase::starting && worker.pid != process.main)
        violated("5: the MAINPID= of " + worker.name + " is lost");
}

void World::check_listeners(const State& state) {
    for (const auto& [id, process] : processes_)
        if (!listening_.contains(process.revision))
            violated("1: a listener is closed while worker " + std::to_string(id) + " uses it");
    if (state.current != 0 && !listening_.contains(state.current))
        violated("1: the current revision's listeners are closed");
}

void World::check_settled(const State& state) {
    for (const auto& [id, worker] : state.workers)
        check_settled_worker(worker);
    for (const auto& [id, process] : processes_) {
        const auto known = state.workers.find(id);
        if (known == state.workers.end() || !has_process(known->second))
            violated("5: worker " + std::to_string(id) + " lives, and is forgotten");
        check_heard(process, known->second,
                    state.revisions.at(known->second.revision).spec.ready.on);
    }
    check_listeners(state);
    if (state.wanted != Wanted::run || (!state.rollout && state.current == 0))
        return;
    const Budget limit = budget(state);
    if (live(state) > limit.replicas + limit.surge)
        violated("3: " + std::to_string(live(state)) + " workers, more than replicas + max_surge");
    if (state.kept != 0)
        check_kept(state, limit);
}

/// A warm old set is in nobody's way: nobody waits for its room, but for what drains already.
void World::check_kept(const State& state, const Budget& limit) {
    std::set<std::uint32_t> served;
    std::uint32_t leaving = 0;
    for (const auto& [id, process] : processes_) {
        leaving += process.retired && !process.unkillable ? 1 : 0;
        if (!process.retired && process.revision != state.kept)
            served.insert(process.replica);
    }
    std::uint32_t due = 0;
    for (const Replica& replica : state.replica_list) {
        const bool waits =
            replica.failing_revision == state.current &&
            (replica.held_down || (replica.next_start && *replica.next_start > now_));
        due += replica.index < state.replicas && !served.contains(replica.index) && !waits ? 1 : 0;
    }
    due = std::min(due, limit.replicas + limit.surge - live(state));
    if (due > leaving)
        violated("3: a worker is not started, for a warm old set takes its room");
    count("kept warm");
}

/// One that takes the place of a recycled one, which may be gone already: it still has the time to start and to stay up.
bool World::succeeds_recycled(const Process& process, const Worker& worker,
                              const State& state) const {
    const Spec& spec = state.revisions.at(worker.revision).spec;
    return spec.recycle.max_age && worker.revision == state.current && worker.attempt > 0 &&
           !process.retired &&
           now_ < (worker.ready_at ? *worker.ready_at + spec.rollout.min_ready
                                   : worker.start_deadline);
}

/// Faults have stopped and nothing more happens by itself.
void World::check_end(const State& state) {
    if (state.rollout || state.pending != 0)
        violated("6: a rollout does not end");
    for (RevisionNumber number = 1; number < next_number_; ++number)
        if (!ended_.contains(number) && find_outcome(state, number) == nullptr)
            violated("6: revision " + std::to_string(number) + " has no verdict");
    std::set<std::uint32_t> served;
    // Workers that cannot be killed leave no room for others.
    const bool crowded = std::any_of(processes_.begin(), processes_.end(),
                                     [](const auto& entry) { return entry.second.unkillable; }) &&
                         processes_.size() >= budget(state).total;
    for (const auto& [id, process] : processes_) {
        if (process.unkillable)
            continue;
        // Recycling never stops: the end may come while one is on its way out, and its successor serves.
        if (process.retired && process.revision == state.current &&
            !state.workers.at(id).stale.empty())
            continue;
        // After a rollback that failed for good, and with a restart policy that gives up, the newer revision
        // goes on serving in place of what the older one cannot: nobody else would.
        const bool stands_in =
            process.revision != state.current &&
            (crowded || std::any_of(state.replica_list.begin(), state.replica_list.end(),
                                    [](const Replica& replica) { return replica.held_down; }));
        if (!succeeds_recycled(process, state.workers.at(id), state) &&
            ((process.revision != state.current && !stands_in) || !process.available ||
             process.retired))
            violated("6: worker " + std::to_string(id) + " is left over");
        served.insert(process.replica);
    }
    for (std::uint32_t index = 0; index < state.replicas; ++index)
        if (!served.contains(index) && !crowded && !state.replica_list.at(index).held_down)
            violated("6: replica " + std::to_string(index) + " is not served");
}

} // namespace svc::sim
