// A simulated machine under the real Supervisor: a virtual clock, processes that misbehave by seed, and an
// observer that checks the invariants of DESIGN.md section 4 with books of its own.
#pragma once

#include "kept.h"

#include "rollout/recover.h"
#include "rollout/supervisor.h"

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace svc::sim {

/// An invariant does not hold, or the world cannot go on: the message says which and where.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// splitmix64 (Steele et al. 2014): small, and the same everywhere, which std::distributions are not.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next();
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    bool chance(std::uint32_t percent) { return below(100) < percent; }
    Duration between(Duration low, Duration high);

private:
    std::uint64_t state_;
};

/// How the program of one revision behaves.
enum class Quality {
    good,
    cannot_execute,
    exits_before_ready,
    hangs_before_ready,
    exits_within_min_ready,
    flaky, ///< each launch one of the above, or good
};

struct Options {
    std::uint64_t seed = 0;
    bool check_round_trip = false; ///< parse(serialize(state)) == state after every step
    bool narrate = false;          ///< every event and action on stdout
    rollout::Policy policy = rollout::decide;
    decltype(&rollout::recover) recover = rollout::recover;
    Habits habits{};
};

/// What a run saw, to show that the seeds do reach what they are meant to reach.
struct Coverage {
    std::map<std::string, std::uint64_t> counts;
    void add(const Coverage& other);
};

class World final : public rollout::Host {
public:
    explicit World(Options options);
    /// One whole story; throws Violation.
    void run();
    [[nodiscard]] const Coverage& coverage() const { return coverage_; }

    void perform(const rollout::Action& action, const rollout::State& state) override;
    void report(const rollout::Event& event) override;
    void settled(const rollout::State& state) override;

private:
    /// One simulated process; it is in `processes_` until its end was observed.
    struct Process {
        rollout::RevisionNumber revision = 0;
        std::uint32_t replica = 0;
        bool spawned = false; ///< its pre-start hook is behind it, or there is none
        bool started_up = false;
        bool notified = false;
        bool recorded = false; ///< the store has it, or is known not to take it
        bool released = false;
        rollout::Pid main = 0; ///< that MAINPID= named; 0: it named none
        std::uint64_t launcher =
            0; ///< the incarnation of the supervisor that holds its launcher's socket
        bool signalled = false;
        std::optional<std::uint64_t> connections; ///< since they were first counted
        std::optional<Instant> counted_at;
        std::uint64_t counted_by = 0; ///< the incarnation of the supervisor
        std::optional<Instant> ready_at;
        bool available = false;
        bool retired = false;
        bool killed = false;
        bool unkillable = false; ///< SIGKILL was refused; it ends by hand, or never
    };
    struct Timed {
        Instant at;
        std::uint64_t order;
        std::function<void()> happen;
        bool operator<(const Timed& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    /// Thrown through the supervisor: it ends here.
    struct Crash {};

    // The machine (world.cpp)
    void after(Duration delay, std::function<void()> happen);
    void advance_until(Instant end, bool until_quiet);
    void step();
    void execute(rollout::WorkerId id);
    void program_runs(rollout::WorkerId id);
    void becomes_ready(rollout::WorkerId id);
    void exits_after(rollout::WorkerId id, Duration delay);
    void exits(rollout::WorkerId id);
    void launch(const rollout::LaunchWorker& action);
    void spawn(rollout::WorkerId id);
    void let_it_rest();
    void stop_signal(rollout::WorkerId id);
    void kill(rollout::WorkerId id);
    void stop_what_runs();
    void do_it(const rollout::Action& action, const rollout::State& state);
    void names_main(rollout::WorkerId id);

    // Supervisors that end (crashes.cpp)
    void answer_after(Duration delay, std::function<void()> happen);
    void see(rollout::Observation observation);
    [[nodiscard]] const rollout::State& believed() const;
    void maybe_crash(const char* what);
    void crash();
    void count_crash(const rollout::State& state);
    void note_never_ran();
    void publish(const rollout::State& state);
    [[nodiscard]] wire::Ledger ledger() const;
    void record_worker(rollout::WorkerId id, const rollout::State& state);
    void maybe_succeed();

    // Those that come after them (succession.cpp)
    void restart();
    void upgrade();
    void start_cold();
    void boot_cold();
    void go_on_from(wire::Snapshot left, bool same_process);
    [[nodiscard]] rollout::Survivors look_for_survivors(const wire::Snapshot& left,
                                                        bool same_process) const;
    void remember(const rollout::State& left);
    void ask_again();
    void hear_again();
    void check_left(const wire::Snapshot& left);
    void check_recovery(const rollout::State& recovered, const rollout::Survivors& survivors,
                        std::size_t actions);
    void check_blame(const std::string& reason);
    void release_process(rollout::WorkerId id);
    void fail_exec(rollout::WorkerId id);

    // Hooks, probes, workers that reload themselves (behaviour.cpp)
    void behave(const rollout::Action& action);
    void hook(rollout::WorkerId id, rollout::HookPoint point);
    void count_connections(rollout::WorkerId id);
    void read_output(rollout::WorkerId id);
    void end_hook(rollout::WorkerId id, rollout::HookPoint point, bool succeeded);
    void rollout_hook(const rollout::RunRolloutHook& run);
    void watch(const rollout::WatchWorker& action);
    void probe_passes(rollout::WorkerId id, rollout::ProbeKind kind);
    void probe_fails(rollout::WorkerId id, rollout::ProbeKind kind);
    void reload(const rollout::ReloadWorker& action);
    void reloaded(const rollout::ReloadWorker& action, bool succeeded);
    Duration soon() { return random_.between(Duration{0}, std::chrono::milliseconds(20)); }
    Quality quality_of_launch(rollout::RevisionNumber revision);

    // Who asks for things (world.cpp)
    void ask_something();
    void listen(rollout::RevisionNumber number);
    void ask_rollout(bool supersede);
    void ask_undo();
    void fall_back();
    void ask_control();
    void promote();
    void attend();
    void noise();
    rollout::Revision random_revision();

    // The observer (observer.cpp)
    void observe_action(const rollout::Action& action, const rollout::State& state);
    void check_launch(const rollout::LaunchWorker& action, const rollout::State& state);
    void check_available(rollout::WorkerId id, const rollout::State& state);
    void check_retire(const rollout::RetireWorker& action, const rollout::State& state);
    void check_failing(const rollout::State& state);
    void check_signal(rollout::WorkerId id, const rollout::State& state);
    void check_kept(const rollout::State& state, const rollout::Budget& limit);
    void check_listeners(const rollout::State& state);
    void check_settled(const rollout::State& state);
    void check_heard(const Process& process, const rollout::Worker& worker, rollout::ReadyOn on);
    void check_settled_worker(const rollout::Worker& worker);
    void check_outcome(const rollout::Outcome& outcome, const rollout::State& state);
    [[nodiscard]] bool succeeds_recycled(const Process& process, const rollout::Worker& worker,
                                         const rollout::State& state) const;
    void check_end(const rollout::State& state);
    void check_finish(const rollout::Finish& finish, const rollout::State& state);
    [[nodiscard]] bool all_unkillable() const;
    [[noreturn]] void violated(const std::string& what);
    void check_stage(const rollout::State& state);
    void check_strategy(const rollout::LaunchWorker& action, const rollout::State& state);
    void follow_take_back(const rollout::State& state);
    [[nodiscard]] std::uint32_t live(const rollout::State& state) const;
    [[nodiscard]] std::uint32_t available(const rollout::State& state) const;
    [[nodiscard]] bool on_trial(const rollout::State& state) const;
    rollout::Budget budget(const rollout::State& state);
    void narrate(const std::string& line);
    void count(const std::string& what) { ++coverage_.counts[what]; }

    Options options_;
    Random random_;
    Random
        fate_; ///< of supervisors: beside the other, so that a story is the same up to its first crash
    Instant now_{std::chrono::seconds(1000)};
    std::priority_queue<Timed> timeline_;
    std::uint64_t order_ = 0;
    std::optional<Instant> wake_at_;
    bool faults_ = true;
    bool attended_ = false;  ///< somebody will look after what is held
    bool recycles_ = false;  ///< some revision replaces its workers for their age, for ever
    bool prepared_ = false;  ///< the hook before the rollout passed
    bool concluded_ = false; ///< the one after it, too
    std::set<rollout::WorkerId> reloading_; ///< told to reload themselves, not answered yet
    bool promoted_ = false;                 ///< asked for since the stage was reached
    bool analysed_ = false;                 ///< with success, since the stage was reached
    std::optional<Instant> stage_reached_;
    std::map<rollout::RevisionNumber, std::size_t> stages_passed_;
    std::uint32_t refused_signals_ = 0; ///< percent: programs that changed their user
    std::optional<int> finished_;

    std::map<rollout::WorkerId, Process> processes_;
    std::map<rollout::RevisionNumber, Quality> qualities_;
    std::set<rollout::RevisionNumber> completed_;
    std::set<rollout::RevisionNumber> listening_; ///< revisions whose listeners are open
    std::set<rollout::RevisionNumber> ended_;     ///< revisions with a verdict
    std::map<rollout::WorkerId, rollout::WorkerPhase>
        phases_; ///< as last seen: no phase moves backwards
    rollout::RevisionNumber next_number_ = 1;
    Coverage coverage_;

    std::uint64_t incarnation_ = 0; ///< of the supervisor
    std::uint64_t crashes_left_ = 0;
    std::uint64_t upgrades_left_ = 0;
    std::optional<MemoryFile> file_; ///< in stories in which it is read
    Store store_;
    std::set<rollout::WorkerId> refused_; ///< by the store
    std::map<rollout::WorkerId, rollout::ExitStatus>
        statuses_; ///< of those that ended, until they are forgotten
    /// What was asked for since the last step settled: whoever asked was told nothing yet, and asks again.
    struct Asked {
        rollout::Observation what;
        rollout::RevisionNumber number = 0; ///< of a rollout
        Quality quality = Quality::good;
    };
    std::vector<Asked> asked_;
    bool falls_back_ = false;                      ///< it is the supervisor that asks
    std::vector<rollout::WorkerNotified> waiting_; ///< in the notify sockets, read by nobody yet
    std::set<rollout::WorkerId> had_go_;           ///< ever
    std::set<std::string> never_ran_; ///< workers whose launchers ended with a supervisor
    wire::Snapshot left_;             ///< by the supervisor that ended last
    std::optional<rollout::Supervisor>
        supervisor_; ///< none: it ended, and the next one is on its way
};

} // namespace svc::sim
