// What can be seen of workers: looked for when policy waits for them or somebody looks, and at no other time.
#include "svcd/host/host_impl.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace svc::daemon {

namespace asio = boost::asio;

/// The service's listeners, and those that only one worker has.
std::optional<std::vector<Address>> DaemonHost::Impl::listening() const {
    auto addresses = context->listeners.addresses();
    if (addresses)
        for (const auto& [id, worker] : workers)
            for (const auto& [name, address] : worker->private_addresses())
                addresses->push_back(address);
    return addresses;
}

void DaemonHost::Impl::count_connections(rollout::WorkerId id) {
    WorkerProcess* worker = find(id);
    if (worker == nullptr)
        return;
    counted[id] = looker.look(
        {worker->process_set()}, WorkerLooker::What::connections,
        [this, id](const WorkerLooker::Answer& seen) {
            context->callbacks.observe(rollout::ConnectionsCounted{id, seen.front().connections});
        });
}

boost::asio::awaitable<void> DaemonHost::look_closer(const rollout::State& state,
                                                     wire::StatusCall asked,
                                                     wire::ServiceStatus& status) {
    using What = WorkerLooker::What;
    std::map<std::string, std::size_t, std::less<>> places;
    std::vector<os::ProcessSet> sets;
    std::vector<std::optional<std::uint64_t>> counted_cpu; // as their cgroups count it: exact
    for (const auto& [id, worker] : impl_->workers) {
        const auto known = state.workers.find(id);
        if (known == state.workers.end() || !rollout::has_process(known->second))
            continue;
        places.emplace(known->second.name, sets.size());
        sets.push_back(worker->process_set());
        counted_cpu.push_back(worker->cpu_us());
    }
    if (sets.empty())
        co_return;
    WorkerLooker::Answer seen(sets.size());
    asio::steady_timer wakeup(impl_->context->io, asio::steady_timer::time_point::max());
    const What what = !asked.usage        ? What::connections
                      : asked.connections ? What::both
                                          : What::usage;
    const auto question =
        impl_->looker.look(std::move(sets), what, [&](const WorkerLooker::Answer& answer) {
            seen = answer;
            wakeup.cancel();
        });
    boost::system::error_code ignored;
    // The answer comes from the loop, so it cannot come before this wait.
    co_await wakeup.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    for (auto& shown : status.workers) {
        const auto place = places.find(shown.name);
        if (place == places.end())
            continue;
        const os::Seen& found = seen[place->second];
        if (asked.connections)
            shown.connections = found.connections;
        if (!asked.usage)
            continue;
        const auto& counted = counted_cpu[place->second];
        shown.cpu_us = counted ? counted : found.usage.cpu_us;
        if (!shown.memory)
            shown.memory = found.usage.memory;
    }
}

} // namespace svc::daemon
