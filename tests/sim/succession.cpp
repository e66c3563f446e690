// Supervisors that come after others: after a death, by an upgrade, with nothing left.
#include "world.h"

#include <algorithm>

namespace svc::sim {

using namespace rollout;
using namespace std::chrono_literals;

namespace {

const char* word_of(const Action& action) {
    if (std::holds_alternative<RunPreStop>(action))
        return "pre-stop hook";
    if (std::holds_alternative<SignalWorker>(action))
        return "stop signal";
    if (std::holds_alternative<KillWorker>(action))
        return "SIGKILL";
    return std::holds_alternative<ReloadWorker>(action) ? "in-place reload" : "?";
}

} // namespace

/// At the moment of a death.
void World::check_left(const wire::Snapshot& left) {
    for (const auto& [id, process] : processes_)
        if (process.released && !refused_.contains(id) && !store_.has(kept_worker(id)))
            violated("5: worker " + std::to_string(id) + " has GO, and the store has it not");
    const std::string missing = missing_from(store_, left.state, refused_);
    if (!missing.empty())
        violated("5: what was published speaks of " + missing + ", which the store has not");
}

Survivors World::look_for_survivors(const wire::Snapshot& left, bool same_process) const {
    Survivors survivors;
    const auto has_fds = [&](WorkerId id) { return same_process || store_.has(kept_worker(id)); };
    for (const auto& [id, record] : left.ledger.workers)
        if (processes_.contains(id) && has_fds(id))
            survivors.running.insert(id);
    for (const auto& [id, status] : statuses_)
        if (has_fds(id) && options_.seed % 2 == 0) // an older kernel does not tell how
            survivors.ended.emplace(id, WorkerExited{id, status, {}});
    return survivors;
}

void World::restart() {
    // What has no fd in the store is found by its notify socket, and ended (Leftovers).
    std::erase_if(processes_, [&](const auto& entry) { return refused_.contains(entry.first); });
    go_on_from(std::move(left_), false);
    if (crashes_left_ == 0)
        file_.reset();
    step();
}

/// As the daemon does it: only where nothing would be cut off, with everything that it has.
void World::upgrade() {
    const State& state = supervisor_->state();
    if (supervisor_->has_unrecorded() || !unrest(state).empty() ||
        state.fallback == Fallback::asked)
        return;
    --upgrades_left_;
    const auto next = static_cast<NextProgram>(fate_.below(4));
    auto left = read_by(next, state, ledger());
    if (next == NextProgram::too_old) {
        if (left)
            violated("state: one that is too new is read");
        count("upgrade refused");
        return;
    }
    if (!left)
        violated("state: the next program cannot go on: " + left.error().message);
    if (!(left->state == state) || !(left->ledger == ledger()))
        violated("state: another program reads another state");
    narrate("THE SUPERVISOR IS UPGRADED");
    ++incarnation_;
    reloading_.clear();
    if (fate_.chance(20)) {
        // What the next one made of the state is lost with it; this one finds what it left.
        count("upgrade that went back");
        State tried = left->state;
        std::vector<Event> events;
        static_cast<void>(options_.recover(tried, look_for_survivors(*left, true), now_, events));
    } else {
        count("upgrade");
    }
    go_on_from(std::move(*left), true);
    step();
}

void World::go_on_from(wire::Snapshot left, bool same_process) {
    narrate("the next supervisor");
    remember(left.state);
    const Survivors survivors = look_for_survivors(left, same_process);
    std::vector<Event> events;
    State state = std::move(left.state);
    Recovery recovery = options_.recover(state, survivors, now_, events);
    for (const Event& event : events)
        report(event);
    for (const auto& [id, process] : processes_)
        if (!survivors.running.contains(id) || !state.workers.contains(id))
            violated("5: worker " + std::to_string(id) + " lives, and is forgotten");
    if (options_.recover == rollout::recover)
        check_recovery(state, survivors, recovery.actions.size());
    supervisor_.emplace(std::move(state), *this, options_.policy);
    for (const Action& action : recovery.actions)
        count(std::string("again: ") + word_of(action));
    supervisor_->resume(std::move(recovery.actions));
    hear_again();
    ask_again();
}

/// A supervisor may end while it recovers.
void World::check_recovery(const State& recovered, const Survivors& survivors,
                           std::size_t actions) {
    State twice = recovered;
    std::vector<Event> events;
    const Recovery again = recover(twice, survivors, now_, events);
    if (!(twice == recovered) || again.actions.size() != actions || !events.empty())
        violated("5: two recoveries in a row differ from one");
}

/// What was decided and not published is not known any more: it never was.
void World::remember(const State& left) {
    for (auto& [id, process] : processes_) {
        const auto found = left.workers.find(id);
        if (found == left.workers.end())
            violated("5: worker " + std::to_string(id) + " lives, and is forgotten");
        const Worker& worker = found->second;
        process.retired = worker.retirement != Retirement::none;
        process.available = worker.available_at.has_value();
        process.signalled = process.signalled && worker.signal_sent;
        if (left.revisions.at(worker.revision).spec.ready.on == ReadyOn::started)
            process.ready_at = worker.ready_at;
        if (worker.becoming != 0) // nobody knows what it runs
            process.revision = worker.revision;
    }
    phases_.clear();
    for (const auto& [id, worker] : left.workers)
        phases_[id] = worker.phase;
    if (!left.rollout)
        return;
    const Rollout& rollout = *left.rollout;
    stages_passed_[rollout.to] = rollout.stage;
    stage_reached_ = rollout.stage_reached;
    promoted_ = rollout.promoted;
    analysed_ = rollout.analysis == HookProgress::passed;
    prepared_ = rollout.before == HookProgress::passed;
    concluded_ = rollout.after == HookProgress::passed;
}

/// It stands in the ledger, or is in its socket still.
void World::hear_again() {
    for (const auto& [id, process] : processes_) {
        if (options_.habits.reads_early)
            continue;
        if (process.main != 0)
            see(MainPidChanged{id, process.main});
        if (process.notified)
            see(WorkerNotified{.worker = id, .ready = true});
    }
    for (WorkerNotified& notified : std::exchange(waiting_, {}))
        see(std::move(notified));
}

/// Nobody was told that it was accepted, so whoever asked asks again.
void World::ask_again() {
    const RevisionNumber known = believed().next_revision;
    next_number_ = known;
    for (Asked& asked : std::exchange(asked_, {})) {
        if (auto* wanted = std::get_if<RolloutRequested>(&asked.what)) {
            if (asked.number < known || wanted->revision.made_from >= known)
                continue;
            qualities_[next_number_] = asked.quality;
            listen(next_number_++);
        } else if (std::holds_alternative<PromoteRequested>(asked.what)) {
            promoted_ = true;
        }
        see(std::move(asked.what));
    }
}

// With nothing left ------------------------------------------------------------------------------

/// The store lost everything. What still runs is found (Leftovers) and ended, before anything is started.
void World::start_cold() {
    count("cold start");
    narrate("THE SUPERVISOR ENDS, AND ALL THAT IT LEFT IS LOST");
    for (auto& [id, process] : processes_)
        process.retired = process.killed = true;
    after(fate_.between(Duration{0}, 30s), [this] { boot_cold(); });
}

void World::boot_cold() {
    processes_.clear();
    statuses_.clear();
    phases_.clear();
    waiting_.clear();
    had_go_.clear();
    refused_.clear();
    listening_.clear();
    store_ = {};
    stage_reached_.reset();
    for (RevisionNumber number = 1; number < next_number_; ++number)
        ended_.insert(number);
    State cold{.service = "sim"};
    cold.next_revision = next_number_; // the history knows the numbers
    cold.fallback = completed_.empty() ? Fallback::none : Fallback::left;
    left_ = {};
    supervisor_.emplace(std::move(cold), *this, options_.policy);
    file_.emplace().publish(supervisor_->state(), {});
    const auto asked = std::exchange(asked_, {});
    ask_rollout(false);
    for (const Asked& one : asked) // only this still means what it meant
        if (std::holds_alternative<StopRequested>(one.what))
            see(one.what);
    step();
}

} // namespace svc::sim
