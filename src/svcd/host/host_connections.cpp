// Connections in sight: counted when policy waits for them or somebody looks, and at no other time.
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
    counted[id] = connections.count(
        {worker->process_set()}, [this, id](const ConnectionCounter::Counts& counts) {
            context->callbacks.observe(rollout::ConnectionsCounted{id, counts.front()});
        });
}

boost::asio::awaitable<void> DaemonHost::count_connections(const rollout::State& state,
                                                           wire::ServiceStatus& status) {
    std::map<std::string, std::size_t, std::less<>> places;
    std::vector<os::ProcessSet> sets;
    for (const auto& [id, worker] : impl_->workers) {
        const auto known = state.workers.find(id);
        if (known == state.workers.end() || !rollout::has_process(known->second))
            continue;
        places.emplace(known->second.name, sets.size());
        sets.push_back(worker->process_set());
    }
    if (sets.empty())
        co_return;
    ConnectionCounter::Counts counted(sets.size());
    asio::steady_timer wakeup(impl_->context->io, asio::steady_timer::time_point::max());
    const auto question =
        impl_->connections.count(std::move(sets), [&](const ConnectionCounter::Counts& counts) {
            counted = counts;
            wakeup.cancel();
        });
    boost::system::error_code ignored;
    // The answer comes from the loop, so it cannot come before this wait.
    co_await wakeup.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    for (auto& shown : status.workers)
        if (const auto place = places.find(shown.name); place != places.end())
            shown.connections = counted[place->second];
}

} // namespace svc::daemon
