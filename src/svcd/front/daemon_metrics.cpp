// The daemon's metrics: what it counts, who gets it, and where.
#include "svcd/front/daemon.h"

#include "os/clock.h"

namespace svc::daemon {

namespace asio = boost::asio;

wire::MetricTotals& Daemon::metric_totals() {
    auto& totals = host_->ledger().metrics;
    return totals ? *totals : totals.emplace();
}

asio::awaitable<std::vector<wire::MetricFamily>> Daemon::metrics() {
    wire::ServiceStatus status = Daemon::status();
    co_await look_closer({.connections = true, .usage = true}, status);
    co_return collect_metrics({.status = status,
                               .state = state(),
                               .totals = metric_totals(),
                               .latency = latency_,
                               .started = started_});
}

std::vector<Address> Daemon::metrics_addresses() const {
    std::vector<Address> addresses;
    const auto add = [&](rollout::RevisionNumber number) {
        const auto revision = state().revisions.find(number);
        if (revision != state().revisions.end() && revision->second.spec.metrics)
            addresses.push_back(revision->second.spec.metrics->listen);
    };
    add(state().current);
    add(state().pending);
    if (state().rollout) {
        add(state().rollout->from);
        add(state().rollout->to);
    }
    if (metrics_candidate_)
        addresses.push_back(*metrics_candidate_);
    return addresses;
}

Result<void> Daemon::open_metrics(const rollout::Spec& spec) {
    metrics_candidate_.reset();
    if (!spec.metrics)
        return {};
    auto opened = metrics_server_.open(spec.metrics->listen);
    if (opened) {
        metrics_candidate_ = spec.metrics->listen;
        return {};
    }
    // A service that cannot be looked at is better than none.
    if (phase() != Phase::booting)
        return opened;
    warn(state().next_revision, opened.error().message + "; there are no metrics over HTTP");
    return {};
}

/// Of a candidate that was refused.
void Daemon::close_unused_metrics() {
    metrics_candidate_.reset();
    metrics_server_.keep_only(metrics_addresses());
}

void Daemon::reopen_metrics() {
    for (const Address& address : metrics_addresses())
        if (auto opened = metrics_server_.open(address); !opened)
            note(rollout::EventKind::warning,
                 opened.error().message + "; there are no metrics over HTTP");
}

} // namespace svc::daemon
