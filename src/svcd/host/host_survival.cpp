// The host as one of a row of supervisors: what it leaves to the next one, and takes over from the last.
#include "svcd/host/host_impl.h"

#include "os/clock.h"
#include "svcd/host/survival/kept_names.h"

#include <algorithm>

namespace svc::daemon {

namespace {

/// How long the store may take to confirm that it has a worker. A manager that is busy (a daemon-reload of
/// hundreds of units) takes seconds; one that does not answer at all must not keep a crashed worker down.
constexpr Duration confirmation_bound = std::chrono::seconds(10);
/// Of one that did not do so the last time.
constexpr Duration doubtful_bound = std::chrono::seconds(1);
/// Of the story. A client that was away for longer learns from the numbers what it missed.
constexpr std::size_t events_left = 200;

} // namespace

bool DaemonHost::Impl::publish(const rollout::State& state) {
    if (context->listeners.changed())
        context->ledger.listeners = context->listeners.records();
    return context->vault.publish(state, context->ledger);
}

/// GO comes after this: no end of ours, at any moment, may leave a worker that nobody knows.
void DaemonHost::Impl::record_worker(rollout::WorkerId worker, const rollout::State& state) {
    if (WorkerProcess* process = find(worker))
        process->keep();
    publish(state);
    if (!context->store.present()) {
        context->callbacks.observe(rollout::WorkerRecorded{worker});
        return;
    }
    const Duration bound = store_doubtful ? doubtful_bound : confirmation_bound;
    context->store.barrier(bound, [this, worker](bool confirmed) {
        if (!confirmed && !store_doubtful)
            context->callbacks.warn(
                "the store of fds does not confirm what it was given (" + context->store.problem() +
                "): if this supervisor is killed now, the next one may not know "
                "all workers");
        store_doubtful = !confirmed;
        context->callbacks.observe(rollout::WorkerRecorded{worker});
    });
}

// Taking over -------------------------------------------------------------------------------------

Result<std::optional<wire::Snapshot>> DaemonHost::find_left(KeptFds& kept) {
    auto left = impl_->context->vault.take_over(kept);
    if (left && *left) {
        if (auto checked = rollout::check_consistent((*left)->state); !checked)
            return checked.error();
    }
    return left;
}

void DaemonHost::Impl::take_over_worker(const rollout::Worker& worker, const wire::Snapshot& left,
                                        KeptFds& kept, rollout::Survivors& survivors) {
    const auto record = left.ledger.workers.find(worker.id);
    if (record == left.ledger.workers.end())
        return; // it was never spawned
    WorkerProcess::Identity identity;
    identity.id = worker.id;
    identity.name = worker.name;
    identity.replica = worker.replica;
    // An in-place reload may have been noted by the mechanism and not by policy, or the other way round:
    // policy is right.
    identity.revision = revision(worker.revision, left.state);
    auto process = std::make_unique<WorkerProcess>(*context, std::move(identity));
    const auto found = process->take_over(record->second, kept);
    if (found.running)
        survivors.running.insert(worker.id);
    else
        survivors.ended.emplace(worker.id,
                                rollout::WorkerExited{worker.id, found.status, found.last_output});
    workers.emplace(worker.id, std::move(process));
}

void DaemonHost::Impl::take_over_executables(const rollout::State& state, KeptFds& kept) {
    for (const auto& [number, revision] : state.revisions)
        if (UniqueFd fd = kept.take(kept_executable(number)))
            context->executables.hold(number, revision, std::move(fd)); // put again under its name
}

Result<rollout::Survivors> DaemonHost::take_over(const wire::Snapshot& left, KeptFds& kept) {
    HostContext& context = *impl_->context;
    // Children that ended in the moment of an upgrade: how, their pidfds tell once they are reaped.
    context.children.collect();
    context.ledger.events = left.ledger.events;
    context.ledger.failure = left.ledger.failure;
    if (auto listening = context.listeners.restore(left.ledger.listeners, kept); !listening)
        return listening.error();
    // What systemd passes is in no record.
    for (const auto number : rollout::revisions_in_use(left.state)) {
        const auto found = left.state.revisions.find(number);
        if (found == left.state.revisions.end())
            continue;
        if (auto opened = context.listeners.open(found->second.spec, number); !opened)
            return opened.error();
    }
    impl_->take_over_executables(left.state, kept);
    rollout::Survivors survivors;
    for (const auto& [id, worker] : left.state.workers)
        impl_->take_over_worker(worker, left, kept, survivors);
    return survivors;
}

void DaemonHost::forget_left() {
    impl_->context->vault.forget();
}

Result<void> DaemonHost::open_vault() {
    return impl_->context->vault.open();
}

void DaemonHost::catch_up(const rollout::State& state) {
    impl_->history.catch_up(state);
    impl_->apply_live(rollout::target_revision(state), state);
    // Also of workers that recover() erased: their launchers end by themselves, or were told to.
    std::erase_if(impl_->workers,
                  [&](const auto& entry) { return !state.workers.contains(entry.first); });
    std::erase_if(impl_->context->ledger.workers,
                  [&](const auto& entry) { return !state.workers.contains(entry.first); });
    for (const auto& [id, process] : impl_->workers) {
        process->read_waiting();
        if (state.workers.at(id).phase == rollout::WorkerPhase::available)
            process->mark_available();
    }
    close_unused_listeners(state);
    impl_->hooks.tell_failure(); // the supervisor that did may have ended over it
}

void DaemonHost::stop_watching() {
    for (const auto& [id, process] : impl_->workers)
        process->stop_watching();
}

void DaemonHost::watch_again() {
    for (const auto& [id, process] : impl_->workers)
        process->watch_again();
}

bool DaemonHost::failure_is_told() const {
    return !impl_->hooks.tells();
}

bool DaemonHost::last_lines_are_passed_on() const {
    const auto& lingering = impl_->context->lingering;
    return std::none_of(lingering.begin(), lingering.end(),
                        [](const auto& entry) { return entry.second->has_pending(); });
}

void DaemonHost::keep_event(const rollout::Event& event) {
    auto& events = impl_->context->ledger.events;
    events.insert_or_assign(event.sequence, event);
    while (events.size() > events_left)
        events.erase(events.begin());
}

wire::Ledger& DaemonHost::ledger() {
    return impl_->context->ledger;
}

void DaemonHost::publish(const rollout::State& state) {
    impl_->publish(state);
}

int DaemonHost::launcher() const {
    return impl_->context->launcher.get();
}

int DaemonHost::state_file() const {
    return impl_->context->vault.fd();
}

void DaemonHost::give_up() {
    impl_->context->vault.give_up();
}

} // namespace svc::daemon
