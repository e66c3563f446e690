// One supervisor after another in a short story: what the next one finds is what was published, through the code that
// ships (kept.h), and what the machine has besides.
#include "trial.h"

#include <algorithm>
#include <utility>

namespace svc::sim {

using namespace rollout;

// What is left ------------------------------------------------------------------------------------

bool Trial::ends_here() {
    return !books_.finished && ++places_ == ends_at_;
}

void Trial::maybe_crash() {
    if (ends_here())
        throw Crash{};
}

/// Its end in the middle of it is one of the places.
void Trial::publish(const State& state) {
    if (ends_here()) {
        file_->publish_torn(state, ledger(), static_cast<std::uint64_t>(places_) * 997);
        throw Crash{};
    }
    if (file_)
        file_->publish(state, ledger());
}

wire::Ledger Trial::ledger() const {
    wire::Ledger ledger;
    for (const auto& [id, process] : books_.processes) {
        wire::WorkerRecord& record = ledger.workers[id];
        record.leader = record.main = static_cast<Pid>(id);
        record.revision = process.revision;
        record.said_ready = process.said_ready && !brain_.habits.reads_early;
    }
    return ledger;
}

// Who comes next ----------------------------------------------------------------------------------

/// A supervisor ends, and the next one is there at once.
void Trial::crash() {
    auto left = file_->take_over();
    if (!left)
        throw Broken("state: the next supervisor cannot go on: " + left.error().message);
    file_.reset();
    const std::string missing = missing_from(books_.store, left->state, books_.refused);
    if (!missing.empty())
        throw Broken("5: what was published speaks of " + missing + ", which the store has not");
    go_on_from(std::move(*left), false);
    step();
}

/// As the daemon does it: only where nothing would be cut off, with everything that it has.
void Trial::upgrade(MoveKind how) {
    const State& state = supervisor_->state();
    const NextProgram next = how == MoveKind::upgrade_to_later     ? NextProgram::later
                             : how == MoveKind::upgrade_to_earlier ? NextProgram::earlier
                             : how == MoveKind::upgrade_refused    ? NextProgram::too_old
                                                                   : NextProgram::same;
    auto left = read_by(next, state, ledger());
    if (how == MoveKind::upgrade_refused) {
        if (left)
            throw Broken("state: one that is too new is read");
        books_.succeeded = true;
        return; // nothing happened
    }
    if (!left)
        throw Broken("state: the next program cannot go on: " + left.error().message);
    if (!(left->state == state) || !(left->ledger == ledger()))
        throw Broken("state: another program reads another state");
    if (how == MoveKind::upgrade_goes_back) {
        // What it made of the state is lost with it; the one before it finds what it left.
        State tried = left->state;
        std::vector<Event> events;
        static_cast<void>(brain_.recover(tried, look_for_survivors(*left, true), now_, events));
    }
    go_on_from(std::move(*left), true);
}

/// A cold start: what still runs is ended first (Leftovers), and the boot is a rollout like the first one.
void Trial::lose_all() {
    const State& state = supervisor_->state();
    State cold{.service = state.service};
    cold.next_revision = state.next_revision; // the history knows the numbers
    for (RevisionNumber number = 1; number < cold.next_revision; ++number)
        books_.ended.insert(number);
    books_.succeeded = true;
    books_.processes.clear();
    books_.hooks.clear();
    books_.phases.clear();
    books_.listening.clear();
    books_.statuses.clear();
    books_.refused.clear();
    books_.had_go.clear();
    books_.store = {};
    books_.rollout_hook.reset();
    books_.reloading.reset();
    supervisor_.emplace(std::move(cold), *this, brain_.policy);
    request(false, false, 0);
}

Survivors Trial::look_for_survivors(const wire::Snapshot& left, bool same_process) const {
    Survivors survivors;
    const auto has_fds = [&](WorkerId id) {
        return same_process || books_.store.has(kept_worker(id));
    };
    for (const auto& [id, record] : left.ledger.workers)
        if (books_.processes.contains(id) && has_fds(id))
            survivors.running.insert(id);
    for (const auto& [id, status] : books_.statuses)
        if (has_fds(id))
            survivors.ended.emplace(id, WorkerExited{id, status, {}});
    return survivors;
}

void Trial::go_on_from(wire::Snapshot left, bool same_process) {
    books_.succeeded = true;
    books_.hooks.clear();
    books_.rollout_hook.reset();
    books_.reloading.reset();
    // A launcher without GO sees the end of its socket; what has no fd in the store is found and ended (Leftovers).
    std::erase_if(books_.processes, [&](const auto& entry) {
        return !entry.second.executed || (!same_process && books_.refused.contains(entry.first));
    });
    for (const auto& [id, process] : books_.processes)
        if (!same_process && !books_.store.has(kept_worker(id)))
            throw Broken("5: " + process.name + " has GO, and the store has it not");
    remember(left.state);
    const Survivors survivors = look_for_survivors(left, same_process);
    for (const auto& [id, process] : books_.processes)
        if (!survivors.running.contains(id) || !left.state.workers.contains(id))
            throw Broken("5: " + process.name + " lives, and is forgotten");
    std::vector<Event> events;
    Recovery recovery = brain_.recover(left.state, survivors, now_, events);
    for (const Event& event : events)
        report(event);
    supervisor_.emplace(std::move(left.state), *this, brain_.policy);
    supervisor_->resume(std::move(recovery.actions));
    // It is in the ledger, or still in its socket.
    for (const auto& [id, process] : books_.processes)
        if (process.said_ready && (same_process || !brain_.habits.reads_early))
            supervisor_->observe(WorkerNotified{.worker = id, .ready = true});
}

/// What was decided and not published is not known any more: it never was.
void Trial::remember(const State& left) {
    for (auto& [id, process] : books_.processes) {
        process.watched = process.verifying = process.failing = false;
        const auto found = left.workers.find(id);
        if (found == left.workers.end())
            throw Broken("5: " + process.name + " lives, and is forgotten");
        const Worker& worker = found->second;
        process.retired = worker.retirement != Retirement::none;
        process.available = worker.available_at.has_value();
        process.signalled = process.signalled && worker.signal_sent;
        process.failing = !worker.failing.empty();
        if (worker.becoming != 0) // nobody knows what it runs
            process.revision = worker.revision;
    }
    books_.phases.clear();
    for (const auto& [id, worker] : left.workers)
        books_.phases[id] = worker.phase;
    const auto unknown = [&](RevisionNumber number) { return number >= left.next_revision; };
    std::erase_if(books_.listening, unknown);
    std::erase_if(books_.bad, unknown);
    std::erase_if(books_.undoes, [&](const auto& entry) { return unknown(entry.first); });
    remember_rollout(left);
}

void Trial::remember_rollout(const State& left) {
    if (!left.rollout)
        return;
    const Rollout& rollout = *left.rollout;
    books_.stages_passed = rollout.stage;
    books_.stage_reached = rollout.stage_reached;
    books_.promoted = rollout.promoted;
    books_.prepared = rollout.before == HookProgress::passed;
    books_.analysed = rollout.analysis == HookProgress::passed;
    books_.concluded = rollout.after == HookProgress::passed;
}

} // namespace svc::sim
