// The moves of a short story: which there are, and what each does to the machine.
#include "trial.h"

#include <cstdio>
#include <utility>

namespace svc::sim {

using namespace rollout;

// What can happen --------------------------------------------------------------------------------

RevisionNumber Trial::undo_target() const {
    const State& state = supervisor_->state();
    const RevisionNumber number = state.kept != 0 ? state.kept : state.previous;
    return state.revisions.contains(number) ? number : 0;
}

std::vector<Move> Trial::moves() const {
    const State& state = supervisor_->state();
    std::vector<Move> found;
    if (books_.finished)
        return found;
    const auto can = [&](MoveKind kind, WorkerId id = 0) { found.push_back(Move{kind, id}); };
    for (const auto& [id, process] : books_.processes) {
        if (process.executed && !process.said_ready && !process.signalled && !process.killed)
            can(MoveKind::becomes_ready, id);
        if (process.verifying && !process.retired)
            can(MoveKind::verified, id);
        if (process.executed || process.killed)
            can(MoveKind::exits, id);
        if (state.workers.at(id).phase == WorkerPhase::recording) {
            can(MoveKind::stored, id);
            can(MoveKind::not_stored, id);
        }
        if (process.watched && !process.retired)
            can(process.failing ? MoveKind::liveness_recovers : MoveKind::liveness_fails, id);
    }
    if (books_.reloading) {
        if (!books_.bad.contains(books_.reloading->revision))
            can(MoveKind::reload_succeeds, books_.reloading->worker);
        can(MoveKind::reload_fails, books_.reloading->worker);
    }
    for (const auto& [id, hook] : books_.hooks) {
        can(MoveKind::hook_ends, id);
        can(MoveKind::hook_fails, id);
    }
    if (books_.rollout_hook) {
        can(MoveKind::rollout_hook_passes);
        can(MoveKind::rollout_hook_fails);
    }
    if (wake_at_)
        can(MoveKind::time_passes);
    if (state.wanted == Wanted::run) {
        can(MoveKind::request_good);
        can(MoveKind::request_bad);
        if (state.rollout)
            can(MoveKind::request_superseding);
        if (undo_target() != 0)
            can(MoveKind::undo);
        if (state.rollout)
            for (const MoveKind kind :
                 {MoveKind::pause, MoveKind::resume, MoveKind::abort, MoveKind::promote})
                can(kind);
        if (state.kept != 0)
            can(MoveKind::replace);
        can(MoveKind::stop);
    }
    can(MoveKind::stop_now);
    if (!books_.succeeded)
        can(MoveKind::loses_all);
    if (!books_.succeeded && unrest(state).empty())
        for (const MoveKind kind :
             {MoveKind::upgrade, MoveKind::upgrade_refused, MoveKind::upgrade_goes_back,
              MoveKind::upgrade_to_later, MoveKind::upgrade_to_earlier})
            can(kind);
    return found;
}

std::string Trial::describe(const Move& move) const {
    static const std::map<MoveKind, const char*> words = {
        {MoveKind::request_good, "request good"},
        {MoveKind::request_bad, "request bad"},
        {MoveKind::request_superseding, "request superseding"},
        {MoveKind::undo, "undo"},
        {MoveKind::pause, "pause"},
        {MoveKind::resume, "resume"},
        {MoveKind::abort, "abort"},
        {MoveKind::promote, "promote"},
        {MoveKind::stop, "stop"},
        {MoveKind::stop_now, "stop now"},
        {MoveKind::time_passes, "time passes"},
        {MoveKind::becomes_ready, "ready"},
        {MoveKind::exits, "exits"},
        {MoveKind::hook_ends, "hook ends"},
        {MoveKind::hook_fails, "hook fails"},
        {MoveKind::rollout_hook_passes, "rollout hook passes"},
        {MoveKind::rollout_hook_fails, "rollout hook fails"},
        {MoveKind::liveness_fails, "liveness fails"},
        {MoveKind::liveness_recovers, "liveness recovers"},
        {MoveKind::reload_succeeds, "reload succeeds"},
        {MoveKind::reload_fails, "reload fails"},
        {MoveKind::verified, "verified"},
        {MoveKind::replace, "replace"},
        {MoveKind::stored, "stored"},
        {MoveKind::not_stored, "not stored"},
        {MoveKind::upgrade, "upgrade"},
        {MoveKind::upgrade_refused, "upgrade refused"},
        {MoveKind::upgrade_goes_back, "upgrade goes back"},
        {MoveKind::upgrade_to_later, "upgrade to later"},
        {MoveKind::upgrade_to_earlier, "upgrade to earlier"},
        {MoveKind::loses_all, "loses all"},
    };
    std::string text = words.at(move.kind);
    const auto process = books_.processes.find(move.worker);
    const auto hook = books_.hooks.find(move.worker);
    if (process != books_.processes.end())
        text += " " + process->second.name;
    else if (hook != books_.hooks.end())
        text += " " + hook->second;
    if (move.ends_at > 0)
        text += " and the supervisor ends at " + std::to_string(move.ends_at);
    return text;
}

void Trial::listen(RevisionNumber revision) {
    books_.listening.insert(revision);
    books_.store.put(kept_listener(revision));
}

void Trial::request(bool bad, bool supersede, RevisionNumber undo_to) {
    const State& state = supervisor_->state();
    Revision revision;
    revision.spec = scenario_.spec;
    revision.in_place = scenario_.spec.rollout.in_place.has_value();
    if (undo_to != 0) {
        revision = state.revisions.at(undo_to);
        revision.made_from = undo_to;
        revision.in_place = false;
        books_.undoes[state.next_revision] = undo_to;
    }
    listen(state.next_revision);
    if (bad)
        books_.bad.insert(state.next_revision);
    supervisor_->observe(RolloutRequested{revision, supersede});
}

// size: a table of moves, a line for each
void Trial::happen(const Move& move) {
    switch (move.kind) {
    case MoveKind::request_good:
    case MoveKind::request_bad:
    case MoveKind::request_superseding:
        request(move.kind == MoveKind::request_bad, move.kind == MoveKind::request_superseding, 0);
        break;
    case MoveKind::undo:
        request(false, false, undo_target());
        break;
    case MoveKind::pause:
        supervisor_->observe(PauseRequested{"paused by uid 0"});
        break;
    case MoveKind::resume:
        supervisor_->observe(ResumeRequested{});
        break;
    case MoveKind::abort:
        supervisor_->observe(AbortRequested{"aborted by uid 0"});
        break;
    case MoveKind::promote:
        books_.promoted = books_.stage_reached.has_value();
        supervisor_->observe(PromoteRequested{});
        break;
    case MoveKind::stop:
    case MoveKind::stop_now:
        supervisor_->observe(StopRequested{move.kind == MoveKind::stop_now, "SIGTERM"});
        break;
    case MoveKind::time_passes:
        now_ = std::max(now_, *wake_at_);
        break;
    case MoveKind::becomes_ready:
        says_ready(move.worker);
        break;
    case MoveKind::verified:
        verified(move.worker);
        break;
    case MoveKind::replace:
        supervisor_->observe(ReplaceRequested{0, "asked for"});
        break;
    case MoveKind::exits:
        exits(move.worker);
        break;
    case MoveKind::hook_ends:
    case MoveKind::hook_fails:
        hook_ends(move.worker, move.kind == MoveKind::hook_ends);
        break;
    case MoveKind::rollout_hook_passes:
    case MoveKind::rollout_hook_fails:
        rollout_hook_ends(move.kind == MoveKind::rollout_hook_passes);
        break;
    case MoveKind::liveness_fails:
    case MoveKind::liveness_recovers:
        liveness(move.worker, move.kind == MoveKind::liveness_fails);
        break;
    case MoveKind::reload_succeeds:
    case MoveKind::reload_fails:
        reloaded(move.kind == MoveKind::reload_succeeds);
        break;
    case MoveKind::stored:
    case MoveKind::not_stored:
        stored(move.worker, move.kind == MoveKind::stored);
        break;
    case MoveKind::upgrade:
    case MoveKind::upgrade_refused:
    case MoveKind::upgrade_goes_back:
    case MoveKind::upgrade_to_later:
    case MoveKind::upgrade_to_earlier:
        upgrade(move.kind);
        break;
    case MoveKind::loses_all:
        lose_all();
        break;
    }
}

void Trial::says_ready(WorkerId id) {
    Books::Process& process = books_.processes.at(id);
    process.said_ready = true;
    if (!verification_of(scenario_.spec))
        process.ready_at = now_;
    supervisor_->observe(WorkerNotified{.worker = id, .ready = true});
}

void Trial::verified(WorkerId id) {
    Books::Process& process = books_.processes.at(id);
    process.verifying = false;
    process.ready_at = now_;
    supervisor_->observe(ProbeReported{id, ProbeKind::verify, ProbeVerdict::passed, {}});
}

void Trial::reloaded(bool succeeded) {
    const ReloadWorker told = std::exchange(books_.reloading, std::nullopt).value();
    Books::Process& process = books_.processes.at(told.worker);
    // One that could not is of the new revision as well: nobody knows what it runs.
    if (succeeded || !told.revert)
        process.revision = told.revision;
    if (succeeded)
        process.ready_at = now_;
    supervisor_->observe(WorkerReloaded{told.worker, succeeded, "no READY=1", {}});
}

void Trial::hook_ends(WorkerId id, bool succeeded) {
    books_.hooks.erase(id);
    const auto point = supervisor_->state().workers.at(id).running_hook.value();
    supervisor_->observe(HookEnded{id, point, succeeded, "exit status 1", {}});
}

void Trial::rollout_hook_ends(bool passes) {
    const Rollout& rollout = *supervisor_->state().rollout;
    const RolloutHook hook = std::exchange(books_.rollout_hook, std::nullopt).value();
    bool& noted = hook == RolloutHook::before     ? books_.prepared
                  : hook == RolloutHook::analysis ? books_.analysed
                                                  : books_.concluded;
    noted = passes;
    supervisor_->observe(
        RolloutHookEnded{rollout.to, hook, rollout.stage, passes, "too many errors", {}});
}

void Trial::liveness(WorkerId id, bool fails) {
    books_.processes.at(id).failing = fails;
    supervisor_->observe(ProbeReported{id, ProbeKind::live,
                                       fails ? ProbeVerdict::failed : ProbeVerdict::passed,
                                       "Connection refused"});
}

void Trial::exits(WorkerId id) {
    const Books::Process& process = books_.processes.at(id);
    ExitStatus status;
    status.kind = process.killed ? ExitStatus::Kind::signal : ExitStatus::Kind::code;
    status.value = process.killed ? 9 : process.signalled ? 0 : 1;
    books_.processes.erase(id);
    books_.statuses[id] = status;
    books_.store.release(kept_worker(id), brain_.habits);
    if (books_.reloading && books_.reloading->worker == id)
        books_.reloading.reset();
    supervisor_->observe(WorkerExited{id, status, {"last words"}});
}

} // namespace svc::sim
