// note_failure(): the replica's book of failures. When may the next worker start?
#include "rollout/story.h"

#include <algorithm>

namespace svc::rollout {

namespace {

/// Backoff before the n-th retry in a row.
Duration backoff_after(std::uint32_t failures, const RestartSpec& restart) {
    Duration wait = restart.backoff_min;
    for (std::uint32_t doubled = 1; doubled < failures && wait < restart.backoff_max; ++doubled)
        wait *= 2;
    return std::min(wait, restart.backoff_max);
}

bool stays_down(const ExitStatus& exit, RestartPolicy policy) {
    switch (policy) {
    case RestartPolicy::always:
        return false;
    case RestartPolicy::on_failure:
        return exit.kind == ExitStatus::Kind::code && exit.value == 0;
    case RestartPolicy::never:
        return true;
    }
    fatal("stays_down(): no such policy");
}

} // namespace

void note_failure(State& state, const Worker& worker, Instant now, std::vector<Event>& events) {
    // What a revision that was given up does is no failure of the one that serves in its place.
    const bool wanted =
        worker.revision == state.current || worker.revision == target_revision(state);
    if (worker.replica >= state.replica_list.size() || !wanted)
        return;
    Replica& replica = state.replica_list[worker.replica];
    const RestartSpec& restart = state.revisions.at(worker.revision).spec.restart;
    if (stayed_up(worker, restart, now) || replica.failing_revision != worker.revision)
        replica.failures = 0;
    replica.failing_revision = worker.revision;
    // Of a new version on trial the verdict tells, and there will be no next try.
    const bool on_trial = state.rollout && state.rollout->phase == RolloutPhase::progressing &&
                          worker.revision == state.rollout->to;
    replica.restarts += on_trial ? 0 : 1;
    replica.failures += 1;
    const bool by_itself = worker.retirement == Retirement::none;
    replica.last_exit = by_itself ? describe(*worker.exit) : worker.retirement_reason;
    replica.held_down = by_itself ? stays_down(*worker.exit, restart.policy)
                                  : restart.policy == RestartPolicy::never;
    const Duration wait = backoff_after(replica.failures, restart);
    replica.next_start = now + wait;
    if (state.wanted == Wanted::run && !on_trial)
        events.push_back(about(EventKind::worker_restarting, worker,
                               replica.held_down
                                   ? replica.last_exit + "; stays down, as restart.policy says"
                                   : replica.last_exit + "; next try in " + format_duration(wait)));
}

} // namespace svc::rollout
