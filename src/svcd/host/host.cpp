#include "svcd/host/host_impl.h"

#include "base/overloaded.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/memory.h"
#include "svcd/host/history_keeper.h"
#include "svcd/host/hooks/command_process.h"
#include "svcd/host/hooks/launch_plan.h"

#include <algorithm>

namespace svc::daemon {

DaemonHost::DaemonHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DaemonHost::~DaemonHost() = default;

Result<std::unique_ptr<DaemonHost>> DaemonHost::make(boost::asio::io_context& io,
                                                     const Settings& settings,
                                                     ListenerTable& listeners, FdStore& store,
                                                     HostCallbacks callbacks) {
    auto launcher = os::open_launcher(settings.launcher_path);
    if (!launcher)
        return launcher.error();
    // Others than our user must reach their sockets in it; each socket has its own mode.
    if (auto made = os::make_directories(settings.runtime_dir + "/notify", 0755); !made)
        return made.error();
    // A worker's descendants come to us when their parents end: to be reaped, and because a
    // MAINPID= may have made one of them the main process.
    if (auto became = os::become_subreaper(); !became)
        return became.error();
    auto context = std::make_shared<HostContext>(io, settings, listeners, store,
                                                 std::move(callbacks), std::move(*launcher));
    // Before the first child, which would be where we are now.
    if (auto opened = context->cgroups.open(settings.cgroup); !opened)
        return opened.error();
    // Without it everything works but what needs it: said once, here.
    if (auto opened = context->history.open(); !opened)
        context->callbacks.warn("the history of revisions cannot be used: " +
                                opened.error().message);
    return std::unique_ptr<DaemonHost>(new DaemonHost(std::make_unique<Impl>(std::move(context))));
}

WorkerProcess* DaemonHost::Impl::find(rollout::WorkerId worker) {
    const auto found = workers.find(worker);
    return found == workers.end() ? nullptr : found->second.get();
}

std::shared_ptr<const rollout::Revision> DaemonHost::Impl::revision(rollout::RevisionNumber number,
                                                                    const rollout::State& state) {
    if (auto known = revisions[number].lock())
        return known;
    const auto found = state.revisions.find(number);
    if (found == state.revisions.end())
        fatal("a worker is to be started from revision " + std::to_string(number) +
              ", which the state does not know");
    auto copy = std::make_shared<const rollout::Revision>(found->second);
    revisions[number] = copy;
    return copy;
}

namespace {

rollout::RevisionNumber replaced_by_rollout(const rollout::State& state) {
    return state.rollout ? state.rollout->from : 0;
}

/// SVC_REASON of the first hooks of one that is launched.
std::string_view why_launched(const rollout::Worker& worker, const rollout::State& state) {
    if (state.rollout && worker.revision == rollout::target_revision(state))
        return state.rollout->phase == rollout::RolloutPhase::progressing ? "rollout" : "rollback";
    const bool recycled =
        std::any_of(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
            return entry.second.replica == worker.replica && !entry.second.stale.empty();
        });
    if (recycled)
        return "recycled";
    return worker.attempt == 0 ? "scaled_up" : "restarted";
}

} // namespace

void DaemonHost::Impl::launch(const rollout::LaunchWorker& action, const rollout::State& state) {
    const auto worker = state.workers.find(action.worker);
    if (worker == state.workers.end())
        fatal("LaunchWorker of a worker that the state does not know");
    WorkerProcess::Identity identity;
    identity.id = action.worker;
    identity.name = worker->second.name;
    identity.replica = action.replica;
    identity.revision = revision(action.revision, state);
    identity.launched_for = why_launched(worker->second, state);
    identity.old_revision = replaced_by_rollout(state);
    auto process = std::make_unique<WorkerProcess>(*context, std::move(identity));
    auto& kept = workers[action.worker] = std::move(process);
    if (worker->second.phase == rollout::WorkerPhase::preparing)
        kept->start_hook(rollout::HookPoint::pre_start);
    else
        kept->launch();
}

void DaemonHost::Impl::run_hook(const rollout::RunRolloutHook& run, const rollout::State& state) {
    hooks.run(run, revision(run.revision, state), state.current);
}

/// The hook that tells of a failure is written down with what failed, in one publication.
void DaemonHost::Impl::expect_failure(const rollout::Action& action, const rollout::State& state) {
    const auto expect = [&](rollout::RevisionNumber number, const std::string& reason) {
        hooks.expect_failure(*revision(number, state), state.current, reason);
    };
    if (const auto* back = std::get_if<rollout::RollBack>(&action))
        expect(state.rollout->to, back->reason);
    else if (const auto* pause = std::get_if<rollout::PauseRollout>(&action))
        expect(state.rollout->to, pause->reason);
    else if (const auto* ended = std::get_if<rollout::EndRollout>(&action);
             ended != nullptr && ended->outcome.verdict == rollout::Verdict::failed)
        expect(ended->outcome.revision, ended->outcome.reason);
}

void DaemonHost::Impl::apply_live(rollout::RevisionNumber number, const rollout::State& state) {
    if (const auto found = state.revisions.find(number); found != state.revisions.end())
        context->listeners.apply_live(found->second.spec);
}

void DaemonHost::Impl::begin(rollout::RevisionNumber number, const rollout::State& state) {
    apply_live(number, state);
    adopt_kept(number, state);
    std::optional<StagedRevision> prepared;
    if (auto found = staged.extract(number))
        prepared.emplace(std::move(found.mapped()));
    history.begin(number, std::move(prepared), state);
}

/// An undo to a set that was kept warm has its workers, and with them their sockets.
void DaemonHost::Impl::adopt_kept(rollout::RevisionNumber number, const rollout::State& state) {
    for (const auto& [id, process] : workers) {
        const auto worker = state.workers.find(id);
        if (worker == state.workers.end() || worker->second.revision != number)
            continue;
        context->listeners.hand_over(state.revisions.at(number).spec, process->revision(), number);
        process->become(revision(number, state));
    }
}

/// Before its workers drain: a connection that they do not accept any more would be lost with their socket.
void DaemonHost::Impl::pass_over(rollout::RevisionNumber number, const rollout::State& state) {
    if (const auto found = state.revisions.find(number); found != state.revisions.end())
        context->listeners.pass_over(found->second.spec, number);
}

void DaemonHost::Impl::end(const rollout::Outcome& outcome, const rollout::State& state) {
    hooks.cancel();
    if (outcome.verdict != rollout::Verdict::complete)
        pass_over(outcome.revision, state);
    if (outcome.verdict == rollout::Verdict::failed)
        hooks.tell_failure();
    history.end(outcome, state);
}

/// The revision before the serving one stays in the state without its listeners: they are closed
/// when its last worker is gone, and not only when it is dropped.
void DaemonHost::Impl::close_unneeded(const rollout::State& state) {
    context->executables.keep_only(state);
    std::erase_if(staged,
                  [&](const auto& entry) { return !state.revisions.contains(entry.first); });
    auto needed = rollout::revisions_in_use(state);
    if (needed == in_use)
        return;
    in_use = std::move(needed);
    std::vector<ListenerTable::InUse> specs;
    for (const auto number : in_use) {
        if (const auto found = state.revisions.find(number); found != state.revisions.end())
            specs.emplace_back(&found->second.spec, number);
    }
    context->listeners.keep_only(specs);
    std::erase_if(revisions, [](const auto& entry) { return entry.second.expired(); });
}

void DaemonHost::close_unused_listeners(const rollout::State& state) {
    impl_->in_use = {0}; // what was refused opened some that no revision knows
    impl_->close_unneeded(state);
}

void DaemonHost::expect_revision(rollout::RevisionNumber number, const rollout::Revision& revision,
                                 UniqueFd executable, StagedRevision staged) {
    impl_->context->executables.hold(number, revision, std::move(executable));
    impl_->staged.emplace(number, std::move(staged));
}

Executables& DaemonHost::executables() {
    return impl_->context->executables;
}

History& DaemonHost::history() {
    return impl_->context->history;
}

// size: a line or two for each action, and nothing else
void DaemonHost::perform(const rollout::Action& action, const rollout::State& state) {
    impl_->expect_failure(action, state);
    if (rollout::leaves_traces(action))
        impl_->publish(state);
    const auto with = [this](rollout::WorkerId worker, auto then) {
        if (auto* process = impl_->find(worker))
            then(*process);
    };
    using namespace rollout;
    std::visit(
        Overloaded{
            [&](const LaunchWorker& launch) { impl_->launch(launch, state); },
            [&](const RecordWorker& record) { impl_->record_worker(record.worker, state); },
            [&](const ReleaseWorker& release) {
                with(release.worker, [](WorkerProcess& worker) { worker.release(); });
            },
            [](const MarkReady&) {},
            [&](const SpawnWorker& spawn) {
                with(spawn.worker, [](WorkerProcess& worker) { worker.launch(); });
            },
            [&](const WatchWorker& watch) {
                with(watch.worker, [&](WorkerProcess& worker) { worker.watch(watch.kind); });
            },
            [&](const RunPostReady& run) {
                with(run.worker,
                     [](WorkerProcess& worker) { worker.start_hook(HookPoint::post_ready); });
            },
            [](const RecycleWorker&) {},
            [&](const ReloadWorker& reload) {
                with(reload.worker, [&](WorkerProcess& worker) {
                    const auto its_own = state.workers.at(reload.worker).revision;
                    worker.reload(
                        impl_->revision(reload.revision, state),
                        *impl_->revision(reload.revert ? its_own : reload.revision, state),
                        reload.revert);
                });
            },
            [&](const MarkAvailable& mark) {
                with(mark.worker, [](WorkerProcess& worker) { worker.mark_available(); });
            },
            [&](const RetireWorker& retire) {
                with(retire.worker, [&](WorkerProcess& worker) {
                    worker.retire(retire.why, replaced_by_rollout(state), retire.run_pre_stop);
                });
            },
            [&](const CancelHook& cancel) {
                with(cancel.worker, [](WorkerProcess& worker) { worker.cancel_hook(); });
            },
            [&](const RunPreStop& run) {
                with(run.worker,
                     [](WorkerProcess& worker) { worker.start_hook(HookPoint::pre_stop); });
            },
            [&](const CountConnections& count) { impl_->count_connections(count.worker); },
            [&](const ReadOutput& read) {
                with(read.worker, [](WorkerProcess& worker) { worker.read_output(); });
            },
            [&](const SignalWorker& signal) {
                with(signal.worker, [&](WorkerProcess& worker) { worker.signal(signal.signal); });
            },
            [&](const KillWorker& kill) {
                with(kill.worker, [](WorkerProcess& worker) { worker.kill(); });
            },
            [&](const RunPostStop& run) {
                with(run.worker,
                     [](WorkerProcess& worker) { worker.start_hook(HookPoint::post_stop); });
            },
            [&](const ForgetWorker& forget) {
                impl_->workers.erase(forget.worker);
                impl_->counted.erase(forget.worker);
                impl_->context->ledger.workers.erase(forget.worker);
                impl_->close_unneeded(state);
            },
            [&](const BeginRollout& begin) { impl_->begin(begin.revision, state); },
            [&](const RollBack& back) {
                impl_->hooks.cancel();
                impl_->apply_live(back.to_revision, state);
                impl_->pass_over(state.rollout->to, state);
                impl_->hooks.tell_failure();
            },
            [](const NoteFailure&) {},
            [&](const PauseRollout&) { impl_->hooks.tell_failure(); },
            [](const ReachStage&) {},
            [&](const RunRolloutHook& run) { impl_->run_hook(run, state); },
            [](const PassStage&) {},
            [&](const EndRollout& end) { impl_->end(end.outcome, state); },
            [&](const FallBack& back) { impl_->context->callbacks.fall_back(back.reason); },
            [](const EndKeeping&) {},
            [&](const DropRevision&) { close_unused_listeners(state); },
            [&](const Finish& finish) { impl_->context->callbacks.finish(finish.exit_status); },
        },
        action);
}

void DaemonHost::report(const rollout::Event& event) {
    impl_->context->callbacks.report(event);
}

void DaemonHost::settled(const rollout::State& state) {
    // Before anybody is told of it. What was released was seen to end; all that was seen is in the state now, which
    // it need not be at a publication in between.
    if (impl_->publish(state))
        impl_->context->store.settle();
    impl_->context->callbacks.settled(state);
}

Cgroups& DaemonHost::cgroups() {
    return impl_->context->cgroups;
}

std::string DaemonHost::unenforced_limits(const rollout::Spec& spec) {
    return cgroups().unenforced(spec.limits);
}

void DaemonHost::describe_cgroups(const rollout::State& state, const rollout::Spec* spec,
                                  wire::ServiceStatus& status) {
    status.cgroup = cgroups().path();
    if (spec != nullptr)
        status.limits_problem = unenforced_limits(*spec);
    std::map<std::string_view, const WorkerProcess*> by_name;
    for (const auto& [id, process] : impl_->workers)
        if (const auto worker = state.workers.find(id); worker != state.workers.end())
            by_name.emplace(worker->second.name, process.get());
    for (auto& shown : status.workers) {
        const auto found = by_name.find(shown.name);
        if (found == by_name.end())
            continue;
        shown.memory = found->second->memory();
        shown.tasks = found->second->tasks();
    }
}

std::uint64_t DaemonHost::memory_of_workers() const {
    std::vector<pid_t> roots;
    for (const auto& [id, worker] : impl_->workers) {
        const auto own = worker->processes();
        roots.insert(roots.end(), own.begin(), own.end());
    }
    return os::memory_of_trees(roots);
}

bool DaemonHost::is_recorded(rollout::RevisionNumber number) const {
    return impl_->history.is_recorded(number);
}

bool DaemonHost::all_recorded() const {
    return impl_->history.all_recorded();
}

void DaemonHost::when_recorded(std::function<void()> then) {
    impl_->history.when_recorded(std::move(then));
}

void DaemonHost::when_failure_told(std::function<void()> then) {
    impl_->hooks.when_told(std::move(then));
}

std::size_t DaemonHost::reopen_logs() {
    return impl_->context->places.files.reopen();
}

void DaemonHost::children_ended() {
    impl_->context->children.collect();
}

namespace {

// Holds the context for as long as the command runs.
boost::asio::awaitable<CommandResult> run_in(std::shared_ptr<HostContext> context,
                                             CommandProcess::Request request) {
    co_return co_await run_command(*context, std::move(request));
}

} // namespace

boost::asio::awaitable<CommandResult> DaemonHost::run(CommandRequest request) {
    CommandProcess::Request wanted;
    // Not owned: the caller promised that it outlives the call.
    wanted.revision =
        std::shared_ptr<const rollout::Revision>(std::shared_ptr<void>(), request.revision);
    wanted.command = std::move(request.command);
    wanted.extra_environment = std::move(request.extra_environment);
    wanted.timeout = request.timeout;
    return run_in(impl_->context, std::move(wanted));
}

} // namespace svc::daemon
