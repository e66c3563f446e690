#include "svcd/host/listeners/hangup_watch.h"

#include "os/epoll.h"

namespace svc::daemon {

struct HangupWatch::Core {
    Core(Watch epoll, std::function<void(std::uint64_t key)> callback)
        : watch(std::move(epoll)), hung_up(std::move(callback)) {}

    void arm() {
        watch.when_readable([this] { collect(); });
    }
    void collect() {
        const auto keys = os::epoll_keys(watch.fd());
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
    auto epoll = os::make_epoll();
    if (!epoll)
        return Error{"cannot watch the listeners: " + epoll.error().message, epoll.error().code};
    auto watch = Watch::make(io, std::move(*epoll));
    if (!watch)
        return watch.error();
    return HangupWatch(std::move(*watch), std::move(hung_up));
}

Result<void> HangupWatch::add(int fd, std::uint64_t key) {
    const auto added = os::epoll_add(core_->watch.fd(), fd, os::EpollFor::hangup, key);
    if (!added)
        return Error{"shutdown() by a worker is not seen at once: " + added.error().message,
                     added.error().code};
    return {};
}

void HangupWatch::remove(int fd) {
    os::epoll_remove(core_->watch.fd(), fd);
}

} // namespace svc::daemon
