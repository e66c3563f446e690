#include "rollout/state.h"

#include "base/text.h"

#include <algorithm>

namespace svc::rollout {

std::string describe(const ExitStatus& status) {
    switch (status.kind) {
    case ExitStatus::Kind::unknown:
        return status.detail.empty() ? "ended, exit status unknown" : status.detail;
    case ExitStatus::Kind::code:
        return "exit status " + std::to_string(status.value);
    case ExitStatus::Kind::signal: {
        if (status.out_of_memory)
            return "out of memory (killed by " + signal_name(status.value) + ")" +
                   (status.detail.empty() ? "" : ": " + status.detail);
        std::string text = "killed by " + signal_name(status.value);
        if (status.core_dumped)
            text += " (core dumped)";
        return status.detail.empty() ? text : text + "; " + status.detail;
    }
    case ExitStatus::Kind::launch:
        return status.detail;
    }
    fatal("describe(): no such kind of exit status");
}

std::string describe(const Cause& cause) {
    std::string text;
    switch (cause.kind) {
    case CauseKind::boot:
        text = "boot";
        break;
    case CauseKind::reload:
        text = "reload";
        break;
    case CauseKind::apply:
        text = "apply";
        break;
    case CauseKind::signal:
        text = "signal";
        break;
    case CauseKind::undo:
        text = "undo";
        break;
    }
    // An undo's text begins with the revision that it goes back to.
    const std::string sign = cause.kind == CauseKind::undo ? " " : ": ";
    if (!cause.text.empty() && cause.text != text)
        text += sign + printable(cause.text, 256);
    return text;
}

std::string_view describe(HookPoint point) {
    switch (point) {
    case HookPoint::pre_start:
        return "pre-start";
    case HookPoint::post_ready:
        return "post-ready";
    case HookPoint::pre_stop:
        return "pre-stop";
    case HookPoint::post_stop:
        return "post-stop";
    }
    fatal("describe(): no such hook");
}

const std::optional<HookSpec>& hook_of(const Spec& spec, HookPoint point) {
    switch (point) {
    case HookPoint::pre_start:
        return spec.process.pre_start;
    case HookPoint::post_ready:
        return spec.ready.post_ready;
    case HookPoint::pre_stop:
        return spec.stop.pre_stop;
    case HookPoint::post_stop:
        return spec.stop.post_stop;
    }
    fatal("hook_of(): no such hook");
}

const std::optional<HookSpec>& verification_of(const Spec& spec) {
    static const std::optional<HookSpec> none;
    return spec.rollout.in_place ? spec.rollout.in_place->verify : none;
}

std::string_view describe(ProbeKind kind) {
    switch (kind) {
    case ProbeKind::startup:
        return "startup probe";
    case ProbeKind::ready:
        return "readiness probe";
    case ProbeKind::verify:
        return "verification";
    case ProbeKind::live:
        return "liveness check";
    }
    fatal("describe(): no such probe");
}

std::string_view describe(RolloutHook hook) {
    switch (hook) {
    case RolloutHook::before:
        return "the hook before the rollout";
    case RolloutHook::analysis:
        return "the analysis";
    case RolloutHook::after:
        return "the hook after the rollout";
    }
    fatal("describe(): no such hook");
}

const std::optional<HookSpec>& hook_of(const RolloutSpec& spec, RolloutHook hook) {
    switch (hook) {
    case RolloutHook::before:
        return spec.before;
    case RolloutHook::analysis:
        return spec.analysis;
    case RolloutHook::after:
        return spec.after;
    }
    fatal("hook_of(): no such hook");
}

std::string name_of(RevisionNumber revision, std::uint32_t replica, std::uint32_t attempt) {
    std::string name = "r" + std::to_string(revision) + "-" + std::to_string(replica);
    if (attempt > 0)
        name += "." + std::to_string(attempt);
    return name;
}

bool is_live(const Worker& worker) {
    return worker.retirement == Retirement::none && worker.phase <= WorkerPhase::available;
}

bool has_process(const Worker& worker) {
    return worker.phase < WorkerPhase::exited;
}

bool is_available(const Worker& worker) {
    return is_live(worker) && worker.phase == WorkerPhase::available;
}

bool cannot_be_killed(const Worker& worker) {
    return worker.phase == WorkerPhase::killing && !worker.kill_failure.empty();
}

std::string describe_kill_failure(const Worker& worker) {
    return "cannot be killed: " + worker.kill_failure + "; end process " +
           std::to_string(worker.pid) + " by hand";
}

std::string connections_text(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " connection" : " connections");
}

std::string stop_text(const Worker& worker) {
    if (!worker.connections)
        return " without it being known whether its connections have ended";
    if (*worker.connections == 0)
        return ": it has no connection left";
    return " with " + connections_text(*worker.connections) + " open";
}

std::string cut_text(const Worker& worker) {
    if (!worker.connections)
        return "; nobody knows how many connections are cut";
    if (*worker.connections == 0)
        return {};
    return "; " + connections_text(*worker.connections) +
           (*worker.connections == 1 ? " is cut" : " are cut");
}

bool awaits_readiness(const Worker& worker, const ReadySpec& ready) {
    return worker.phase == WorkerPhase::starting &&
           (ready.on != ReadyOn::started || !worker.started_up || worker.verifying);
}

std::string late_start_text(const Worker& worker, const ReadySpec& ready) {
    std::string text = "was not ready within " + format_duration(ready.timeout);
    if (worker.verifying)
        return text + "; it was not verified" +
               (worker.probe_text.empty() ? "" : ": " + worker.probe_text);
    if (worker.probe_text.empty())
        return text;
    // Whether it accepts is looked at from outside: nobody is asked. Most that do not have opened a socket of their own.
    if (ready.on == ReadyOn::accepting)
        return text + "; " + worker.probe_text +
               "; it has to take the listener from the supervisor: file descriptor 3, LISTEN_FDS "
               "(svc-worker(7)), {fd:NAME} in its command, or a preset";
    return text + "; its probe says: " + worker.probe_text;
}

bool stayed_up(const Worker& worker, const RestartSpec& restart, Instant now) {
    return worker.available_at && now - *worker.available_at >= restart.backoff_max;
}

RevisionNumber target_revision(const State& state) {
    if (!state.rollout)
        return state.current;
    return state.rollout->phase == RolloutPhase::progressing ? state.rollout->to
                                                             : state.rollout->from;
}

std::string_view describe(Verdict verdict) {
    switch (verdict) {
    case Verdict::complete:
        return "complete";
    case Verdict::rolled_back:
        return "rolled back";
    case Verdict::failed:
        return "failed";
    case Verdict::superseded:
        return "superseded";
    case Verdict::aborted:
        return "aborted";
    }
    fatal("describe(): no such verdict");
}

std::uint32_t available_workers(const State& state, RevisionNumber revision) {
    return static_cast<std::uint32_t>(
        std::count_if(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
            return entry.second.revision == revision && is_available(entry.second);
        }));
}

std::uint32_t available_workers(const State& state) {
    return static_cast<std::uint32_t>(
        std::count_if(state.workers.begin(), state.workers.end(),
                      [](const auto& entry) { return is_available(entry.second); }));
}

bool serves_all(const State& state, RevisionNumber revision) {
    std::vector<bool> served(state.replicas);
    for (const auto& [id, worker] : state.workers)
        if (is_available(worker) && worker.revision == revision && worker.replica < state.replicas)
            served[worker.replica] = true;
    return std::find(served.begin(), served.end(), false) == served.end();
}

bool is_fresh(const Worker& worker, RevisionNumber revision) {
    return is_live(worker) && worker.revision == revision && worker.stale.empty();
}

const RolloutSpec& rollout_spec_in_force(const State& state) {
    static const RolloutSpec before_the_first;
    const auto found = state.revisions.find(state.rollout ? state.rollout->to : state.current);
    return found == state.revisions.end() ? before_the_first : found->second.spec.rollout;
}

bool is_staged(const State& state) {
    return state.rollout && state.rollout->phase == RolloutPhase::progressing &&
           state.rollout->stage < rollout_spec_in_force(state).stages.size();
}

bool was_replaced_by(const Worker& worker, const Rollout& rollout) {
    // One that an earlier rollout left draining is that one's matter.
    return worker.retirement == Retirement::replaced && worker.revision != rollout.to &&
           worker.drain_began && *worker.drain_began >= rollout.began;
}

bool stands_still(const State& state) {
    if (!state.rollout || state.rollout->phase != RolloutPhase::progressing)
        return false;
    return state.rollout->paused_at ||
           (rollout_spec_in_force(state).before && state.rollout->before != HookProgress::passed);
}

/// Another worker is, or is about to be, the target revision's at this one's replica.
static bool is_filled(const State& state, const Worker& worker) {
    const RevisionNumber target = target_revision(state);
    return std::any_of(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
        const Worker& other = entry.second;
        return other.id != worker.id && other.replica == worker.replica &&
               (is_fresh(other, target) || (is_live(other) && other.becoming == target));
    });
}

bool can_become_target(const State& state, const Worker& worker) {
    if (!state.rollout || !is_live(worker))
        return false;
    // It failed to, and its rollout goes on all the same: somebody resumed it.
    const bool again = state.rollout->phase == RolloutPhase::progressing &&
                       worker.stale == reload_failed && worker.revision == state.rollout->to;
    if (!again && (!worker.stale.empty() || worker.revision == target_revision(state)))
        return false;
    const Revision& to = state.revisions.at(state.rollout->to);
    if (!to.in_place || !to.spec.rollout.in_place || is_filled(state, worker))
        return false;
    if (state.rollout->phase == RolloutPhase::rolling_back)
        return to.spec.rollout.in_place->revert && worker.revision == to.number;
    // What was superseded on its way had become the old revision's workers in the same manner.
    return worker.revision == state.rollout->from || state.revisions.at(worker.revision).in_place;
}

bool is_held(const State& state) {
    return state.rollout && state.rollout->phase == RolloutPhase::progressing &&
           (state.rollout->paused_at || state.rollout->stage_reached);
}

bool keeps_old_set(const State& state) {
    if (!state.rollout || state.rollout->phase != RolloutPhase::progressing ||
        state.rollout->from == 0)
        return false;
    const Revision& to = state.revisions.at(state.rollout->to);
    return to.spec.rollout.strategy == Strategy::blue_green &&
           to.spec.rollout.keep_old > Duration::zero() && to.made_from == 0;
}

std::uint32_t fresh_limit(const State& state) {
    const RolloutSpec& spec = rollout_spec_in_force(state);
    if (is_staged(state))
        return size_of(spec.stages[state.rollout->stage], state.replicas);
    if (spec.strategy != Strategy::recreate)
        return state.replicas;
    const RevisionNumber target = target_revision(state);
    std::uint32_t in_the_way = 0;
    for (const auto& [id, worker] : state.workers)
        in_the_way += has_process(worker) && !cannot_be_killed(worker) &&
                              !is_fresh(worker, target) &&
                              (worker.revision != target || !worker.stale.empty())
                          ? 1
                          : 0;
    if (state.rollout)
        return in_the_way > 0 ? 0 : state.replicas;
    return state.replicas - std::min(in_the_way, state.replicas);
}

Budget budget_in_force(const State& state) {
    const RevisionNumber target = target_revision(state);
    std::uint32_t replicas = state.replicas;
    if (state.rollout && state.rollout->phase == RolloutPhase::progressing &&
        (!serves_all(state, target) || is_staged(state)))
        replicas = std::max(replicas, state.rollout->previous_replicas);
    const auto revision = state.revisions.find(target);
    RolloutSpec spec;
    if (revision != state.revisions.end())
        spec = revision->second.spec.rollout;
    // A rollback goes the way that the rollout came; one worker by itself needs no second set.
    if (state.rollout)
        spec.strategy = rollout_spec_in_force(state).strategy;
    else if (spec.strategy == Strategy::blue_green)
        spec.strategy = Strategy::rolling;
    return budget_of(spec, replicas);
}

const Outcome* find_outcome(const State& state, RevisionNumber revision) {
    const auto found =
        std::find_if(state.outcomes.rbegin(), state.outcomes.rend(),
                     [&](const Outcome& outcome) { return outcome.revision == revision; });
    return found == state.outcomes.rend() ? nullptr : &*found;
}

std::vector<RevisionNumber> revisions_in_use(const State& state) {
    std::vector<RevisionNumber> used;
    const auto use = [&](RevisionNumber number) {
        if (number != 0)
            used.push_back(number);
    };
    use(state.current);
    use(state.pending);
    use(state.kept);
    if (state.rollout) {
        use(state.rollout->from);
        use(state.rollout->to);
    }
    for (const auto& [id, worker] : state.workers)
        if (has_process(worker)) {
            use(worker.revision);
            use(worker.becoming);
        }
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    return used;
}

} // namespace svc::rollout
