// recover(): what a new supervisor makes of the State that an earlier one left.
//
// A supervisor can end between any two of its instructions: SIGKILL, the out-of-memory killer, a bug.
// Its workers go on. The State outlives it, and the intent of each action is written into it (apply())
// before the act (Host::perform()). So any *one* action may be written and not done; nothing is done
// that is not written; and of what was done the answer may be lost. recover() turns that into a state in
// which every worker is what it says, and into the few actions that have to be done again.
//
// What ends with a supervisor: launchers that were not released (their socket to it is at its end, and
// they exit), hooks, probes, watches, the answers to everything that it asked for. What goes on: released
// workers, and what they write into their notify sockets. What the phase of a worker comes to:
//
//   preparing .. recorded   it had no GO, so it never ran: erased. It is nobody's failure, and whoever
//                           needed it is launched anew, under another name.
//   executing               GO may have been sent. It runs: it executed. It does not: erased, because
//                           nobody can tell that it ever did.
//   starting .. killing     ended meanwhile: exited, with an unknown status, and judged as any exit.
//   starting .. available   runs: decide() asks for its watch and its post-ready hook again. One that
//                           was told to reload itself is told again (ReloadWorker): until that is
//                           answered nobody knows what it runs, and nobody may assume it.
//   draining                runs: a pre-stop hook that had not ended runs again (RunPreStop).
//   stopping                runs: the signal is sent again (SignalWorker), unless it is known to have
//                           been sent: to many servers a second one means "at once".
//   killing                 runs: killed again (KillWorker).
//   exited, finished        decide() runs the post-stop hook again, if it had not ended.
//
// What the next supervisor reads is not the State as it was, but as it was last published: before each action
// that leaves traces, and when a step has settled. What was recorded since then is lost with the supervisor, and
// was told to nobody; what was performed since then is done again, or ended with the supervisor.
//
// So hooks, reloads and SIGKILL are done at least once; a launch at most once; the stop signal once, but
// for the moment between kill(2) and the writing of its answer.
//
// Time. The clock is monotonic and goes on while no supervisor runs. What went on by itself (an uptime, a
// hold, a drain whose signal was sent) keeps its deadline. What has to be done again has its whole time
// again: a readiness that only a probe can tell, a pre-stop hook, the grace after a signal. The rollout's
// progress_deadline begins anew, because nothing moves without a supervisor; a rollout is not failed for
// the absence of what was to drive it. No deadline comes closer.
//
// What can never happen: a worker that lives is forgotten; a verdict falls for a worker that never ran;
// two recoveries in a row differ from one (a supervisor may end while it recovers).
#pragma once

#include "rollout/decide.h"

#include <map>
#include <set>

namespace svc::rollout {

/// What the mechanism found of an earlier supervisor's workers.
struct Survivors {
    std::set<WorkerId> running; ///< whose main process has not ended
    /// How others ended, where it can be known.
    std::map<WorkerId, WorkerExited> ended{};
};

/// Whether a state that was left can be gone on with: that it reads well says nothing of its meaning. The
/// error names what contradicts what.
Result<void> check_consistent(const State& state);

struct Recovery {
    std::vector<Action>
        actions; ///< for Supervisor::resume(): to be done before anything is observed
};

/// Once, before the first step. Events are for the story, as those of record(). What the caller does
/// besides, before that step: what waits in the notify sockets is observed, so that no READY=1 comes
/// too late; the live listener options of target_revision(), the listeners of revisions_in_use() and
/// the history's entries are made what the state says; a process of a worker that is not in the state
/// any more (an unreleased launcher that has not noticed yet) is ended.
Recovery recover(State& state, const Survivors& survivors, Instant now, std::vector<Event>& events);

/// Whether the world outside of the supervisor changes by it, so that the state has to be published before it is
/// performed. What is not here is done again by the next supervisor, or ends with this one.
bool leaves_traces(const Action& action);

/// What would be cut off if another program took this one's place now (an upgrade); empty: nothing.
std::string unrest(const State& state);

} // namespace svc::rollout
