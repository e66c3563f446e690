// Supervisors that end: between any two actions, and in any publication.
#include "world.h"

#include <array>

namespace svc::sim {

using namespace rollout;
using namespace std::chrono_literals;

namespace {

constexpr std::array phase_words = {"preparing", "spawning", "spawned", "recording", "recorded",
                                    "executing", "starting", "ready",   "available", "draining",
                                    "stopping",  "killing",  "exited",  "finished"};

} // namespace

/// What the supervisor itself set going, and what ends with it.
void World::answer_after(Duration delay, std::function<void()> happen) {
    after(delay, [this, asked_by = incarnation_, happen = std::move(happen)] {
        if (asked_by == incarnation_ && supervisor_)
            happen();
    });
}

namespace {

bool is_request(const Observation& observation) {
    return std::holds_alternative<RolloutRequested>(observation) ||
           std::holds_alternative<StopRequested>(observation) ||
           std::holds_alternative<PauseRequested>(observation) ||
           std::holds_alternative<ResumeRequested>(observation) ||
           std::holds_alternative<AbortRequested>(observation) ||
           std::holds_alternative<PromoteRequested>(observation) ||
           std::holds_alternative<ScaleRequested>(observation);
}

} // namespace

/// While no supervisor runs, what is written into the notify sockets waits there; the rest is lost.
void World::see(Observation observation) {
    if (!supervisor_) {
        if (const auto* notified = std::get_if<WorkerNotified>(&observation))
            waiting_.push_back(*notified);
        return;
    }
    if (file_ && !falls_back_ && is_request(observation)) {
        Asked asked{observation};
        if (std::holds_alternative<RolloutRequested>(observation)) {
            asked.number = next_number_ - 1;
            asked.quality = qualities_.at(asked.number);
        }
        asked_.push_back(std::move(asked));
    }
    supervisor_->observe(std::move(observation));
}

const State& World::believed() const {
    return supervisor_ ? supervisor_->state() : left_.state;
}

wire::Ledger World::ledger() const {
    wire::Ledger ledger;
    for (const auto& [id, process] : processes_) {
        if (!process.spawned)
            continue;
        wire::WorkerRecord& record = ledger.workers[id];
        record.revision = process.revision;
        record.leader = static_cast<Pid>(1000 + id);
        record.main = process.main != 0 ? process.main : record.leader;
        record.said_ready = process.notified && !options_.habits.reads_early;
    }
    return ledger;
}

/// The supervisor may be killed while it writes.
void World::publish(const State& state) {
    if (file_ && crashes_left_ > 0 && !finished_ && fate_.chance(1)) {
        count("crash in a publication");
        file_->publish_torn(state, ledger(), fate_.next());
        throw Crash{};
    }
    if (file_)
        file_->publish(state, ledger());
}

/// The store confirms that it has the worker, or has no room for it; then the supervisor goes on without.
void World::record_worker(WorkerId id, const State& state) {
    publish(state);
    const auto taken = [this, id] {
        const auto found = processes_.find(id);
        if (found == processes_.end())
            return; // called off
        found->second.recorded = true;
        if (fate_.chance(2)) {
            count("refused by the store");
            refused_.insert(id);
        } else {
            store_.put(kept_worker(id));
        }
        if (!options_.habits.trusts_the_store)
            see(WorkerRecorded{id});
    };
    if (options_.habits.trusts_the_store)
        see(WorkerRecorded{id});
    if (random_.chance(50))
        taken();
    else
        answer_after(soon(), taken);
}

void World::maybe_crash(const char* what) {
    if (crashes_left_ == 0 || finished_ || !fate_.chance(1))
        return;
    count(what);
    throw Crash{};
}

/// Between two steps.
void World::maybe_succeed() {
    if (finished_ || !supervisor_)
        return;
    if (crashes_left_ > 0 && fate_.chance(1)) {
        count("crash between two steps");
        crash();
    } else if (upgrades_left_ > 0 && fate_.chance(3)) {
        upgrade();
    }
}

void World::crash() {
    --crashes_left_;
    ++incarnation_;
    auto left = file_->take_over();
    if (!left)
        violated("state: the next supervisor cannot go on: " + left.error().message);
    left_ = std::move(*left);
    count_crash(left_.state);
    supervisor_.reset();
    wake_at_.reset();
    reloading_.clear();
    check_left(left_);
    std::erase_if(processes_, [](const auto& entry) { return !entry.second.released; });
    // Of a stop nobody would know any more; systemd, which asked for it, starts no supervisor then.
    if (left_.state.wanted == Wanted::run && fate_.chance(5)) {
        start_cold();
        return;
    }
    note_never_ran();
    const Duration absence = fate_.chance(50) ? Duration{0} : fate_.between(Duration{0}, 3s);
    narrate("THE SUPERVISOR ENDS; the next one comes in " + std::to_string(absence.count() / 1000) +
            " ms");
    after(absence, [this] { restart(); });
}

void World::note_never_ran() {
    const State& left = left_.state;
    const auto blamed = [&](const std::string& name) {
        return left.rollout && (left.rollout->failure.starts_with(name + ":") ||
                                left.rollout->reason.starts_with(name + ":"));
    };
    for (const auto& [id, worker] : left.workers)
        if (worker.phase <= WorkerPhase::executing && !had_go_.contains(id) && !blamed(worker.name))
            never_ran_.insert(worker.name);
}

void World::count_crash(const State& state) {
    std::set<WorkerPhase> phases;
    for (const auto& [id, worker] : state.workers)
        phases.insert(worker.phase);
    for (const WorkerPhase phase : phases)
        count(std::string("crash, one ") + phase_words.at(static_cast<std::size_t>(phase)));
    if (state.wanted != Wanted::run)
        count("crash in a stop");
    else if (!state.rollout)
        count("crash without a rollout");
    else if (state.rollout->phase == RolloutPhase::rolling_back)
        count("crash in a rollback");
    else
        count(state.rollout->paused_at ? "crash in a pause" : "crash in a rollout");
}

/// A launch that ended with its supervisor says nothing about what was to be launched.
void World::check_blame(const std::string& reason) {
    for (const std::string& name : never_ran_)
        if (reason.starts_with(name + ":"))
            violated("6: a rollout fails for " + name + ", which never ran");
}

void World::release_process(WorkerId id) {
    if (!had_go_.insert(id).second)
        violated("5: a worker gets GO twice");
    processes_.at(id).released = true;
}

/// Who holds the launcher's socket is told why; others see a process that ends.
void World::fail_exec(WorkerId id) {
    const bool told = processes_.at(id).launcher == incarnation_;
    processes_.erase(id);
    statuses_[id] = ExitStatus{.kind = ExitStatus::Kind::code, .value = 1};
    store_.release(kept_worker(id), options_.habits);
    if (told)
        see(LaunchFailed{id, 13, "exec", "cannot execute /bin/sim: Permission denied"});
    else
        see(WorkerExited{id, ExitStatus{.kind = ExitStatus::Kind::code, .value = 1}, {}});
}

} // namespace svc::sim
