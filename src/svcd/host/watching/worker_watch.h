// WorkerWatch: what is looked for in one worker (WatchWorker): that it started up, is ready, runs what it
// should, lives.
#pragma once

#include "svcd/host/watching/acceptor_watch.h"
#include "svcd/host/watching/prober.h"
#include "svcd/host/watching/ready_fd.h"
#include "svcd/host/watching/verification.h"
#include "svcd/host/watching/watchdog.h"

namespace svc::daemon {

/// One kind at a time. Of life there may be two witnesses, the probe and the watchdog: it fails when
/// one of them fails, and is well again when both say so. What ended is not reported on any more.
class WorkerWatch {
public:
    struct Handlers {
        std::function<ProbeTarget()> target;
        std::function<HookSubject()> subject;          ///< of the verification
        std::function<std::vector<pid_t>()> processes; ///< the roots of its trees
        std::function<std::vector<WatchedListener>()> listeners;
        std::function<void()> read_notifications;
        std::function<void()> keep; ///< heard_ready() is to be where it survives us
        std::function<void(rollout::ProbeKind, rollout::ProbeVerdict, std::string detail)> report;
    };
    WorkerWatch(HostContext& context, Handlers handlers);
    WorkerWatch(const WorkerWatch&) = delete;
    WorkerWatch& operator=(const WorkerWatch&) = delete;

    /// Our end of the channel on which the worker will say that it is ready, or has said so to an earlier
    /// supervisor (`heard`).
    Result<void> take_ready_fd(UniqueFd our_end, rollout::ReadyOn on, bool heard = false);
    [[nodiscard]] bool heard_ready() const { return ready_fd_ && ready_fd_->heard(); }
    /// Its number, or -1.
    [[nodiscard]] int ready_fd() const { return ready_fd_ ? ready_fd_->fd() : -1; }
    void begin(rollout::ProbeKind kind, const rollout::Spec& spec);
    void end();
    void close(); ///< the worker is gone
    /// The worker said it, and may.
    void hear(const wire::Notification& said) { watchdog_.hear(said); }
    [[nodiscard]] std::optional<rollout::ProbeKind> kind() const { return kind_; }

private:
    void probe(const rollout::ProbeSpec& spec, Prober::Asks asks, Prober::Report report);
    void ask_until_decided(const rollout::ProbeSpec& spec);
    void watch_acceptors();
    void verify(const rollout::HookSpec& hook);
    void watch_life(const rollout::LiveSpec& live);
    void handle_ready_fd(std::string failure);
    void handle_witness(bool& well, bool now_well, std::string detail);

    HostContext& context_;
    Handlers handlers_;
    std::optional<rollout::ProbeKind> kind_;
    std::unique_ptr<Prober> prober_;
    std::unique_ptr<AcceptorWatch> acceptors_;
    std::unique_ptr<Verification> verification_;
    Watchdog watchdog_;
    std::unique_ptr<ReadyFd> ready_fd_;
    bool probe_well_ = true;
    bool watchdog_well_ = true;
};

} // namespace svc::daemon
