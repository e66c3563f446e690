#include "svcd/host/hangup_watch.h"

#include <array>
#include <cerrno>
#include <set>
#include <sys/epoll.h>

namespace svc::daemon {

struct HangupWatch::Core {
    Core(Watch epoll, std::function<void(std::uint64_t key)> callback)
        : watch(std::move(epoll)), hung_up(std::move(callback)) {}

    void arm() {
        watch.when_readable([this] { collect(); });
    }
    void collect() {
        std::set<std::uint64_t> keys;
        std::array<epoll_event, 64> events; // NOLINT: filled by epoll_wait()
        int count = 0;
        do {
            count = ::epoll_wait(watch.fd(), events.data(), static_cast<int>(events.size()), 0);
            for (int index = 0; index < count; ++index)
                keys.insert(events[static_cast<std::size_t>(index)].data.u64);
        } while (count == static_cast<int>(events.size()));
        arm();
        for (const auto key : keys)
            hung_up(key);
    }

    Watch watch;
    std::function<void(std::uint64_t key)> hung_up;
};

HangupWatch::HangupWatch(Watch watch, std::function<void(std::uint64_t key)> hung_up)
    : core_(std::make_shared<Core>(std::move(watch), std::move(hung_up))) {
    core_->arm();
}

Result<HangupWatch> HangupWatch::make(boost::asio::io_context& io,
                                      std::function<void(std::uint64_t key)> hung_up) {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll)
        return system_error("cannot make an epoll fd to watch the listeners", errno);
    auto watch = Watch::make(io, std::move(epoll));
    if (!watch)
        return watch.error();
    return HangupWatch(std::move(*watch), std::move(hung_up));
}

Result<void> HangupWatch::add(int fd, std::uint64_t key) {
    epoll_event event{};
    event.events = EPOLLRDHUP | EPOLLET;
    event.data.u64 = key;
    if (::epoll_ctl(core_->watch.fd(), EPOLL_CTL_ADD, fd, &event) != 0)
        return system_error("cannot watch a listener for shutdown()", errno);
    return {};
}

void HangupWatch::remove(int fd) {
    // Fails if it was never added, which add() reported.
    (void)::epoll_ctl(core_->watch.fd(), EPOLL_CTL_DEL, fd, nullptr);
}

} // namespace svc::daemon
