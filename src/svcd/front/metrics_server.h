// MetricsServer: the metrics over HTTP.
#pragma once

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "svcd/host/survival/fd_store.h"
#include "wire/metrics.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace svc::daemon {

/// Bounds of all clients together. A test makes them small.
struct MetricsLimits {
    std::size_t clients = 16;  ///< then who has not asked yet gives way, else the newest
    std::uint32_t head = 8192; ///< bytes of a request
    Duration time = std::chrono::seconds(10); ///< from the accept to the end
};

/// One request a connection: GET or HEAD of /metrics. Anybody who reaches the address may read it, so what is told is
/// numbers and names only.
///
///   closed ─ open() → listening ─ keep_only() without it, close() → closed
///
/// While a rollout changes the address both are listened to. Sockets are in the fd store: to the next supervisor, or
/// program, they are open already.
class MetricsServer {
public:
    /// What it gave is told again for a second.
    using Collect = std::function<boost::asio::awaitable<std::vector<wire::MetricFamily>>()>;

    MetricsServer(boost::asio::io_context& io, FdStore& store, Collect collect,
                  MetricsLimits limits = {});
    ~MetricsServer();

    /// Goes on with what an earlier supervisor listened on, where that is one of these: who connected meanwhile waits
    /// in its queue. The rest refuses from now on. Before anything is opened.
    void resume(const std::vector<Address>& addresses, KeptFds& kept);
    /// Nothing happens if it is open already; one whose path is gone is opened anew.
    Result<void> open(const Address& address);
    void keep_only(const std::vector<Address>& addresses);
    /// For good: of everybody.
    void close();
    /// Nothing that `collect` began goes on.
    [[nodiscard]] bool idle() const;
    /// Where it listens: a port of 0 is the port that it got.
    [[nodiscard]] std::vector<Address> bound() const;

private:
    struct Inner;
    std::shared_ptr<Inner> inner_; ///< its coroutines end after us
};

} // namespace svc::daemon
