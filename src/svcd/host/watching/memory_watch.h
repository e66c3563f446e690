// MemoryWatch: tells when a worker uses more than recycle.max_memory.
#pragma once

#include "rollout/spec.h"
#include "svcd/host/children/loop.h"

#include <sys/types.h>
#include <vector>

namespace svc::daemon {

/// One look every recycle.interval, and no timer for a worker without a limit. Told once each time that
/// it goes over its limit: a step of policy for every look would be work for nothing.
class MemoryWatch {
public:
    MemoryWatch(boost::asio::io_context& io, std::function<std::vector<pid_t>()> processes,
                std::function<void(std::uint64_t bytes)> exceeded)
        : alarm_(io), processes_(std::move(processes)), exceeded_(std::move(exceeded)) {}

    /// In place of what it watched for before.
    void start(const rollout::RecycleSpec& recycle);
    void stop() { alarm_.cancel(); }

private:
    void wait();
    void look();

    Alarm alarm_;
    std::function<std::vector<pid_t>()> processes_; ///< the roots of its trees of processes
    std::function<void(std::uint64_t bytes)> exceeded_;
    std::uint64_t limit_ = 0;
    Duration interval_{};
    bool over_ = false;
};

} // namespace svc::daemon
