#include "os/epoll.h"

#include <array>
#include <cerrno>
#include <set>
#include <sys/epoll.h>

namespace svc::os {

namespace {

std::uint32_t events_of(EpollFor what) {
    switch (what) {
    case EpollFor::hangup:
        // EPOLLHUP and EPOLLERR are reported without being asked for (epoll_ctl(2)); EPOLLRDHUP is
        // what a unix listener that was shut down for reading shows.
        return EPOLLRDHUP | EPOLLET;
    case EpollFor::room:
        return EPOLLOUT;
    }
    fatal("events_of(): nothing to wait for");
}

} // namespace

Result<UniqueFd> make_epoll() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll)
        return system_error("cannot make an epoll fd", errno);
    return epoll;
}

Result<void> epoll_add(int epoll, int fd, EpollFor what, std::uint64_t key) {
    epoll_event event{};
    event.events = events_of(what);
    event.data.u64 = key;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return system_error("cannot watch a fd", errno);
    return {};
}

void epoll_remove(int epoll, int fd) {
    [[maybe_unused]] const int removed = ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
}

std::vector<std::uint64_t> epoll_keys(int epoll) {
    std::set<std::uint64_t> keys;
    std::array<epoll_event, 64> events; // NOLINT: filled by epoll_wait()
    int count = 0;
    do {
        count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 0);
        for (int index = 0; index < count; ++index)
            keys.insert(events[static_cast<std::size_t>(index)].data.u64);
        // Edge-triggered ones are told once, so that a full array ends; a member that is told for as
        // long as it lasts must not be one of many.
    } while (count == static_cast<int>(events.size()));
    return {keys.begin(), keys.end()};
}

} // namespace svc::os
