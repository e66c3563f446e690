// The daemon's metrics: what it counts, who gets it, and where.
#include "svcd/front/daemon.h"

#include "os/clock.h"

#include <algorithm>

namespace svc::daemon {

namespace asio = boost::asio;

wire::MetricTotals& Daemon::metric_totals() {
    auto& totals = host_->ledger().metrics;
    return totals ? *totals : totals.emplace();
}

asio::awaitable<std::vector<wire::MetricFamily>> Daemon::metrics() {
    wire::ServiceStatus status = Daemon::status();
    const wire::StatusCall closely{.connections = true, .usage = true};
    co_await look_closer(closely, status);
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
    if (!spec.metrics)
        return {};
    auto opened = metrics_server_.open(spec.metrics->listen);
    if (opened) {
        metrics_candidate_ = spec.metrics->listen;
        return {};
    }
    // A service that cannot be looked at is better than none, and a next version must not wait for an address that
    // the serving one does without.
    const auto wanted_already = metrics_addresses();
    if (phase() != Phase::booting && std::find(wanted_already.begin(), wanted_already.end(),
                                               spec.metrics->listen) == wanted_already.end())
        return opened;
    warn(state().next_revision, opened.error().message + "; there are no metrics over HTTP");
    return {};
}

void Daemon::reopen_metrics() {
    for (const Address& address : metrics_addresses())
        if (auto opened = metrics_server_.open(address); !opened)
            note(rollout::EventKind::warning,
                 opened.error().message + "; there are no metrics over HTTP");
}

} // namespace svc::daemon
