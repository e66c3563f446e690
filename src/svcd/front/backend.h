// What the control methods see of the daemon; a test scripts it.
#pragma once

#include "rollout/observation.h"
#include "svcd/front/admission.h"
#include "svcd/front/event_log.h"
#include "wire/control.h"

namespace svc::daemon {

class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual const rollout::State& state() const = 0;
    [[nodiscard]] virtual wire::ServiceStatus status() const = 0;
    /// Puts in what is `asked` for: each worker's connections, CPU time and memory. By a look at every process and
    /// socket of the workers', which a child takes.
    virtual boost::asio::awaitable<void> look_closer(wire::StatusCall asked,
                                                     wire::ServiceStatus& status) = 0;
    /// With all of that, so that it takes as long.
    virtual boost::asio::awaitable<std::vector<wire::MetricFamily>> metrics() = 0;
    virtual EventLog& events() = 0;
    virtual boost::asio::awaitable<Admission> admit(AdmissionRequest request) = 0;
    /// What a request of this name came to, here or under an earlier supervisor; nullopt: there was none.
    [[nodiscard]] virtual std::optional<Admission> find_request(const std::string& token) const = 0;
    [[nodiscard]] virtual wire::HistoryReply history() const = 0;
    [[nodiscard]] virtual Result<wire::RevisionReply>
    revision(rollout::RevisionNumber number) const = 0;
    [[nodiscard]] virtual Result<wire::DiffReply> diff(rollout::RevisionNumber from,
                                                       rollout::RevisionNumber to) const = 0;
    /// How a rollout went; 0: the one under way, else the last one.
    [[nodiscard]] virtual Result<wire::Timeline> timeline(rollout::RevisionNumber number) const = 0;
    /// The service file as a reload would read it now.
    [[nodiscard]] virtual Loaded look_at_file() const = 0;
    /// How its rollout ended would be known after a crash, too. Who waits is woken (EventLog) when it is.
    [[nodiscard]] virtual bool is_recorded(rollout::RevisionNumber number) const = 0;
    /// All three are observed and stepped before they return.
    virtual void request(rollout::Observation asked) = 0;
    virtual void scale(std::uint32_t replicas) = 0;
    virtual void stop(bool now, std::string reason) = 0;
    /// Lets the program at the supervisor's path go on in its place. It was tried, and takes over as soon as our
    /// caller has sent its reply, if this returns without an error; else nothing was changed, and the error says
    /// why. What fails only after that, so that this program goes on after all, is Ledger::upgrade_problem,
    /// which is empty from the moment that an upgrade is begun.
    virtual boost::asio::awaitable<Result<void>> upgrade() = 0;
    /// Every worker is gone and the supervisor is about to end.
    [[nodiscard]] virtual bool finished() const = 0;
};

} // namespace svc::daemon
