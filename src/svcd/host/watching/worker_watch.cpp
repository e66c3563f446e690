#include "svcd/host/watching/worker_watch.h"

#include <utility>

namespace svc::daemon {

using rollout::ProbeKind;
using rollout::ProbeVerdict;

WorkerWatch::WorkerWatch(HostContext& context, Handlers handlers)
    : context_(context), handlers_(std::move(handlers)),
      watchdog_(context.io, {.read_all = [this] { handlers_.read_notifications(); },
                             .changed =
                                 [this](bool alive, std::string detail) {
                                     handle_witness(watchdog_well_, alive, std::move(detail));
                                 }}) {}

Result<void> WorkerWatch::take_ready_fd(UniqueFd our_end, rollout::ReadyOn on, bool heard) {
    ReadyFd::Handlers handlers{.keep = handlers_.keep, .told = [this](std::string failure) {
                                   handle_ready_fd(std::move(failure));
                               }};
    auto made = ReadyFd::make(context_.io, std::move(our_end), on, heard, std::move(handlers));
    if (!made)
        return made.error();
    ready_fd_ = std::move(*made);
    return {};
}

void WorkerWatch::begin(ProbeKind kind, const rollout::Spec& spec) {
    end();
    kind_ = kind;
    switch (kind) {
    case ProbeKind::startup:
        if (spec.ready.startup)
            ask_until_decided(*spec.ready.startup);
        return;
    case ProbeKind::ready:
        if (ready_fd_)
            ready_fd_->listen();
        else if (spec.ready.on == rollout::ReadyOn::probe && spec.ready.probe)
            ask_until_decided(*spec.ready.probe);
        else if (spec.ready.on == rollout::ReadyOn::accepting)
            watch_acceptors();
        return;
    case ProbeKind::verify:
        if (const auto& hook = rollout::verification_of(spec))
            verify(*hook);
        return;
    case ProbeKind::live:
        watch_life(spec.live);
        return;
    }
}

void WorkerWatch::end() {
    kind_.reset();
    prober_.reset();
    acceptors_.reset();
    verification_.reset();
    watchdog_.stop();
    if (ready_fd_)
        ready_fd_->stop();
}

void WorkerWatch::close() {
    end();
    ready_fd_.reset();
}

void WorkerWatch::ask_until_decided(const rollout::ProbeSpec& spec) {
    probe(spec, Prober::Asks::until_decided, [this](ProbeVerdict verdict, std::string detail) {
        handlers_.report(*kind_, verdict, std::move(detail));
    });
}

void WorkerWatch::probe(const rollout::ProbeSpec& spec, Prober::Asks asks, Prober::Report report) {
    prober_ = std::make_unique<Prober>(context_, spec, asks, handlers_.target, std::move(report));
}

/// Without an end of its own, as with the next one.
void WorkerWatch::watch_acceptors() {
    const auto tell = [this](std::string missing) {
        const ProbeVerdict verdict = missing.empty() ? ProbeVerdict::passed : ProbeVerdict::failing;
        handlers_.report(ProbeKind::ready, verdict, std::move(missing));
    };
    acceptors_ = std::make_unique<AcceptorWatch>(
        context_.io, handlers_.listeners(), AcceptorWatch::Handlers{handlers_.processes, tell});
}

/// Without an end of its own: policy gives it the time that the worker has to be ready.
void WorkerWatch::verify(const rollout::HookSpec& hook) {
    const auto answered = [this](const HookVerdict& verdict) {
        std::string detail = verdict.detail;
        if (!verdict.output.empty())
            detail += ", and wrote: " + verdict.output.back();
        handlers_.report(ProbeKind::verify,
                         verdict.succeeded ? ProbeVerdict::passed : ProbeVerdict::failing,
                         std::move(detail));
    };
    verification_ = std::make_unique<Verification>(context_, hook, handlers_.subject, answered);
}

void WorkerWatch::watch_life(const rollout::LiveSpec& live) {
    probe_well_ = watchdog_well_ = true;
    if (live.watchdog)
        watchdog_.start(*live.watchdog);
    if (live.probe)
        probe(
            *live.probe, Prober::Asks::for_ever, [this](ProbeVerdict verdict, std::string detail) {
                if (verdict == ProbeVerdict::failing)
                    handlers_.report(ProbeKind::live, verdict, std::move(detail));
                else
                    handle_witness(probe_well_, verdict == ProbeVerdict::passed, std::move(detail));
            });
}

void WorkerWatch::handle_ready_fd(std::string failure) {
    const ProbeVerdict verdict = failure.empty() ? ProbeVerdict::passed : ProbeVerdict::failed;
    handlers_.report(ProbeKind::ready, verdict, std::move(failure));
}

void WorkerWatch::handle_witness(bool& well, bool now_well, std::string detail) {
    const bool was_well = probe_well_ && watchdog_well_;
    well = now_well;
    const bool is_well = probe_well_ && watchdog_well_;
    if (was_well != is_well)
        handlers_.report(ProbeKind::live, is_well ? ProbeVerdict::passed : ProbeVerdict::failed,
                         std::move(detail));
}

} // namespace svc::daemon
