#include "svcd/host/watching/memory_watch.h"

#include "os/memory.h"

#include <utility>

namespace svc::daemon {

void MemoryWatch::start(const rollout::RecycleSpec& recycle) {
    stop();
    if (!recycle.max_memory)
        return;
    limit_ = *recycle.max_memory;
    interval_ = recycle.interval;
    over_ = false;
    wait();
}

void MemoryWatch::wait() {
    alarm_.after(interval_, [this] { look(); });
}

void MemoryWatch::look() {
    const std::uint64_t bytes = os::memory_of_trees(processes_());
    wait();
    const bool was_over = std::exchange(over_, bytes > limit_);
    if (over_ && !was_over)
        exceeded_(bytes);
}

} // namespace svc::daemon
