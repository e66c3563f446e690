// Supervisors that end between any two actions, and those that come after them.
#include "world.h"

#include "wire/codec.h"

#include <array>

namespace svc::sim {

using namespace rollout;
using namespace std::chrono_literals;

namespace {

constexpr std::array phase_words = {"preparing", "spawning", "spawned", "recording", "recorded",
                                    "executing", "starting", "ready",   "available", "draining",
                                    "stopping",  "killing",  "exited",  "finished"};

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

/// What the supervisor itself set going, and what ends with it.
void World::answer_after(Duration delay, std::function<void()> happen) {
    after(delay, [this, asked_by = incarnation_, happen = std::move(happen)] {
        if (asked_by == incarnation_ && supervisor_)
            happen();
    });
}

/// While no supervisor runs, what is written into the notify sockets waits there; the rest is lost.
void World::see(Observation observation) {
    if (supervisor_)
        supervisor_->observe(std::move(observation));
    else if (const auto* notified = std::get_if<WorkerNotified>(&observation))
        waiting_.push_back(*notified);
}

const State& World::believed() const {
    return supervisor_ ? supervisor_->state() : left_;
}

void World::maybe_crash(const char* what) {
    if (crashes_left_ == 0 || finished_ || !fate_.chance(1))
        return;
    count(what);
    throw Crash{};
}

void World::crash() {
    --crashes_left_;
    ++incarnation_;
    const auto parsed = wire::parse_state(wire::serialize_state(supervisor_->state()));
    if (!parsed || !(*parsed == supervisor_->state()))
        violated("state: what the next supervisor reads differs");
    left_ = *parsed;
    count_crash(left_);
    supervisor_.reset();
    wake_at_.reset();
    reloading_.clear();
    std::erase_if(processes_, [](const auto& entry) { return !entry.second.released; });
    for (auto& [id, process] : processes_)
        process.signalled = process.signal_known;
    const auto blamed = [&](const std::string& name) {
        return left_.rollout && (left_.rollout->failure.starts_with(name + ":") ||
                                 left_.rollout->reason.starts_with(name + ":"));
    };
    for (const auto& [id, worker] : left_.workers)
        if (worker.phase <= WorkerPhase::executing && !had_go_.contains(id) && !blamed(worker.name))
            never_ran_.insert(worker.name);
    const Duration absence = fate_.chance(50) ? Duration{0} : fate_.between(Duration{0}, 3s);
    narrate("THE SUPERVISOR ENDS; the next one comes in " + std::to_string(absence.count() / 1000) +
            " ms");
    after(absence, [this] { restart(); });
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

void World::restart() {
    Survivors survivors;
    for (const auto& [id, process] : processes_)
        survivors.running.insert(id);
    std::vector<Event> events;
    narrate("the next supervisor");
    State state = std::move(left_);
    Recovery recovery = options_.recover(state, survivors, now_, events);
    for (const Event& event : events)
        report(event);
    for (const WorkerId id : survivors.running)
        if (!state.workers.contains(id))
            violated("5: worker " + std::to_string(id) + " lives, and is forgotten");
    if (options_.recover == rollout::recover)
        check_recovery(state, survivors, recovery.actions.size());
    supervisor_.emplace(std::move(state), *this, options_.policy);
    for (const Action& action : recovery.actions)
        count(std::string("again: ") + word_of(action));
    supervisor_->resume(std::move(recovery.actions));
    for (WorkerNotified& notified : waiting_)
        see(std::move(notified));
    waiting_.clear();
    step();
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
    if (told)
        see(LaunchFailed{id, 13, "exec", "cannot execute /bin/sim: Permission denied"});
    else
        see(WorkerExited{id, ExitStatus{.kind = ExitStatus::Kind::code, .value = 1}, {}});
}

} // namespace svc::sim
