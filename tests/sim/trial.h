// One short story under the real Supervisor, move by move: what can happen next is a finite list, and everything
// that follows from a move is determined. exhaustive.cpp tries every list of moves.
//
// It shares nothing with World (world.h) but the idea. World draws its services by seed, so its observer has to
// compute what is permitted; here each scenario says its bounds as plain numbers, and the observer only counts.
#pragma once

#include "kept.h"

#include "rollout/recover.h"
#include "rollout/supervisor.h"

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace svc::sim {

/// A service, and what its invariants come to as numbers.
struct Scenario {
    std::string name;
    rollout::Spec spec;
    std::size_t live = 0;           ///< replicas + max_surge
    std::size_t total = 0;          ///< max_total
    std::int64_t floor = 0;         ///< replicas - max_unavailable
    std::vector<std::size_t> sizes; ///< of the stages
    int less = 0;                   ///< moves fewer than elsewhere: it has many moments
    bool slow_store = false;        ///< the store of fds confirms in a move of its own, or does not
    bool begins_empty = false;      ///< else: revision 2 serves, and revision 1 came before it
};

enum class MoveKind {
    request_good,
    request_bad, ///< its program cannot be executed
    request_superseding,
    undo,
    pause,
    resume,
    abort,
    promote,
    stop,
    stop_now,
    time_passes, ///< until the supervisor wants to be called again
    becomes_ready,
    exits, ///< by itself, or because it was told to
    hook_ends,
    hook_fails,
    rollout_hook_passes,
    rollout_hook_fails,
    liveness_fails,
    liveness_recovers,
    reload_succeeds, ///< in place
    reload_fails,
    verified,   ///< what was started, too
    replace,    ///< the first replica's worker, while an old set is kept
    stored,     ///< the store of fds has the worker
    not_stored, ///< it had no room
    // Another supervisor follows without a death, or with nothing left; once in a story, as a death.
    upgrade,           ///< another program goes on in the same process
    upgrade_refused,   ///< it says that it cannot read the state
    upgrade_goes_back, ///< it could not go on: the one before it executes again
    upgrade_to_later,  ///< to one whose state has members more
    upgrade_to_earlier,
    loses_all, ///< the supervisor ends, and its state is gone: a cold start
};
inline bool is_succession(MoveKind kind) {
    return kind >= MoveKind::upgrade;
}

struct Move {
    MoveKind kind = MoveKind::time_passes;
    rollout::WorkerId worker = 0; ///< whose; 0: nobody's
    int ends_at =
        0; ///< the supervisor ends at the so-manyth place of what follows, and another comes; 0: not
    bool operator==(const Move&) const = default;
};

/// What really happened, in books of our own.
struct Books {
    struct Process {
        rollout::RevisionNumber revision = 0;
        std::uint32_t replica = 0;
        std::string name;
        bool recorded = false; ///< the store has it, or is known not to take it
        bool executed = false;
        bool available = false;
        bool retired = false;
        bool signalled = false;
        bool killed = false;
        bool watched = false;   ///< its liveness
        bool verifying = false; ///< asked, and not answered yet
        bool said_ready = false;
        bool failing = false;
        std::optional<Instant> ready_at;
    };
    std::map<rollout::WorkerId, Process> processes; ///< until their ends were observed
    std::map<rollout::WorkerId, std::string> hooks; ///< that run: whose, by worker
    std::map<rollout::WorkerId, rollout::WorkerPhase> phases;
    Store store;
    std::set<rollout::WorkerId> refused; ///< by the store
    std::map<rollout::WorkerId, rollout::ExitStatus>
        statuses;                                ///< of those that ended, until forgotten
    std::set<rollout::RevisionNumber> listening; ///< revisions whose listeners are open
    std::set<rollout::RevisionNumber> bad;
    std::set<rollout::RevisionNumber> ended;                           ///< revisions with a verdict
    std::map<rollout::RevisionNumber, rollout::RevisionNumber> undoes; ///< asked to go back to
    std::size_t stages_passed = 0;
    std::optional<Instant> stage_reached;
    bool promoted = false; ///< since the stage was reached
    bool analysed = false;
    bool prepared = false;                            ///< the hook before the rollout passed
    bool concluded = false;                           ///< the one after it, too
    std::optional<rollout::RolloutHook> rollout_hook; ///< runs
    std::optional<rollout::ReloadWorker> reloading;   ///< told to, not answered yet
    std::set<rollout::WorkerId> had_go;               ///< ever
    bool succeeded = false;                           ///< by another supervisor: one in a story
    bool finished = false;
};

/// All of one moment.
struct Scene {
    rollout::State state;
    Books books;
    Instant now{std::chrono::seconds(1000)};
    std::optional<Instant> wake_at;
};

/// What is under test: the real one, or one that is wrong on purpose.
struct Brain {
    rollout::Policy policy = rollout::decide;
    decltype(&rollout::recover) recover = rollout::recover;
    Habits habits{};
};

/// An invariant does not hold; the message begins with its number.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Trial final : public rollout::Host {
public:
    Trial(const Scenario& scenario, Brain brain, Scene scene);

    /// Everything that can happen next.
    [[nodiscard]] std::vector<Move> moves() const;
    /// "ready r3-0": the same words for the same move of the same story.
    [[nodiscard]] std::string describe(const Move& move) const;
    /// Throws Broken.
    void make(const Move& move);
    /// How many places the last move had at which a supervisor can end: in each publication, and before and after each
    /// action.
    [[nodiscard]] int places() const { return places_; }
    /// From here on nothing goes wrong by itself and somebody looks after what waits: comes to rest, or
    /// throws Broken.
    void come_to_rest();
    [[nodiscard]] Scene scene() const;
    /// The state as it would be written.
    [[nodiscard]] std::string written() const;
    /// What there is besides: equal if and only if the scenes are, together with written().
    [[nodiscard]] std::string unwritten() const;
    /// That `written` reads back as the state.
    void check_round_trip(const std::string& written) const;
    bool narrate = false;

    void perform(const rollout::Action& action, const rollout::State& state) override;
    void report(const rollout::Event& event) override;
    void settled(const rollout::State& state) override;

private:
    /// Thrown through the supervisor: it ends here.
    struct Crash {};

    // trial_moves.cpp
    void happen(const Move& move);
    void hook_ends(rollout::WorkerId id, bool succeeded);
    void rollout_hook_ends(bool passes);
    void liveness(rollout::WorkerId id, bool fails);
    void request(bool bad, bool supersede, rollout::RevisionNumber undo_to);
    [[nodiscard]] rollout::RevisionNumber undo_target() const;
    void exits(rollout::WorkerId id);
    void reloaded(bool succeeded);
    void says_ready(rollout::WorkerId id);
    void verified(rollout::WorkerId id);
    // trial.cpp: the machine
    void do_it(const rollout::Action& action, const rollout::State& state);
    void maybe_crash();
    void listen(rollout::RevisionNumber revision);
    void stored(rollout::WorkerId id, bool taken);
    void released(rollout::WorkerId id);
    void step();
    bool tend_machine();
    bool attend();
    // trial_succession.cpp: supervisors that end, and those that come after them
    [[nodiscard]] bool ends_here();
    void publish(const rollout::State& state);
    [[nodiscard]] wire::Ledger ledger() const;
    void crash();
    void upgrade(MoveKind how);
    void lose_all();
    void go_on_from(wire::Snapshot left, bool same_process);
    void remember(const rollout::State& left);
    void remember_rollout(const rollout::State& left);
    [[nodiscard]] rollout::Survivors look_for_survivors(const wire::Snapshot& left,
                                                        bool same_process) const;
    // trial_observer.cpp: what must never happen
    void check(const rollout::Action& action, const rollout::State& state);
    void check_launch(const rollout::LaunchWorker& action, const rollout::State& state);
    void check_strategy(const rollout::LaunchWorker& action, const rollout::State& state);
    void check_available(const rollout::MarkAvailable& action, const rollout::State& state);
    void check_retire(const rollout::RetireWorker& action, const rollout::State& state);
    void check_signal(rollout::WorkerId id, const rollout::State& state);
    void check_stage(const rollout::State& state);
    void check_outcome(const rollout::Outcome& outcome, const rollout::State& state);
    void check_listeners(const rollout::State& state);
    void check_kept(const rollout::State& state);
    void check_rest();
    void follow_take_back(const rollout::State& state);
    [[nodiscard]] std::size_t live(const rollout::State& state) const;
    [[nodiscard]] std::int64_t available(const rollout::State& state) const;

    const Scenario& scenario_;
    Books books_;
    Instant now_;
    std::optional<Instant> wake_at_;
    Brain brain_;
    int places_ = 0;
    int ends_at_ = 0;                ///< of the move that is made
    std::optional<MemoryFile> file_; ///< of a move in which the supervisor ends
    std::optional<rollout::Supervisor> supervisor_;
};

} // namespace svc::sim
