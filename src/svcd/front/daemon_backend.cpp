// The daemon as the control methods see it.
#include "svcd/front/daemon.h"

#include "os/clock.h"
#include "os/usage.h"
#include "svcd/front/version.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace svc::daemon {

wire::ServiceStatus Daemon::status() const {
    wire::ServiceStatus status = wire::status_of(state(), os::now());
    const auto target = state().revisions.find(rollout::target_revision(state()));
    const auto* spec = target != state().revisions.end() ? &target->second.spec : nullptr;
    if (spec != nullptr)
        status.listeners = listeners_->status(*spec);
    host_->describe_cgroups(state(), spec, status);
    for (const Address& address : metrics_server_.bound())
        status.metrics.push_back(format_address(address));
    status.supervisor_pid = ::getpid();
    status.service_file = settings_.service_file;
    status.version = program_version;
    status.generation = host_->ledger().generation;
    status.upgrade_problem = host_->ledger().upgrade_problem;
    return status;
}

boost::asio::awaitable<void> Daemon::look_closer(wire::StatusCall asked,
                                                 wire::ServiceStatus& status) {
    if (asked.usage) {
        const os::Usage own = os::own_usage();
        status.supervisor_cpu_us = own.cpu_us;
        status.supervisor_memory = own.memory;
    }
    co_await host_->look_closer(state(), asked, status);
}

HistoryView Daemon::history_view() const {
    return HistoryView{state(), host_->history(), host_->executables()};
}

wire::HistoryReply Daemon::history() const {
    return list_revisions(history_view());
}

Result<wire::RevisionReply> Daemon::revision(rollout::RevisionNumber number) const {
    return show_revision(history_view(), number);
}

Result<wire::DiffReply> Daemon::diff(rollout::RevisionNumber from,
                                     rollout::RevisionNumber to) const {
    return diff_revisions(history_view(), from, to);
}

Result<wire::Timeline> Daemon::timeline(rollout::RevisionNumber number) const {
    return show_timeline(history_view(), timelines_, number, os::now());
}

void Daemon::store(const wire::Timeline& timeline) {
    if (auto stored = host_->history().write_timeline(timeline); !stored)
        spdlog::warn("the timeline of revision {} is not kept: {}", timeline.revision,
                     stored.error().message);
}

Loaded Daemon::look_at_file() const {
    return load_revision(settings_, {}, os::wall_now());
}

void Daemon::request(rollout::Observation asked) {
    supervisor_->observe(std::move(asked));
    step();
}

void Daemon::scale(std::uint32_t replicas) {
    request(rollout::ScaleRequested{replicas, false});
}

void Daemon::stop(bool now, std::string reason) {
    request(rollout::StopRequested{now, std::move(reason)});
}

} // namespace svc::daemon
