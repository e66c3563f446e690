#include "svcd/host/watching/acceptor_watch.h"

#include "base/text.h"
#include "os/acceptors.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace svc::daemon {

namespace {

// A look costs some 100 microseconds a process, and 10 more for each of its sockets: with hundreds of those, a third of
// a second. The event loop stands still meanwhile, so most of the time must be its own.
constexpr int pause_for_look = 10;
constexpr Duration first_pause = std::chrono::milliseconds(5);
constexpr Duration longest_pause = std::chrono::milliseconds(200);

} // namespace

AcceptorWatch::AcceptorWatch(boost::asio::io_context& io, std::vector<WatchedListener> listeners,
                             Handlers handlers)
    : listeners_(std::move(listeners)), handlers_(std::move(handlers)), again_(io),
      pause_(first_pause) {
    // Not here: who makes us does not have us yet, and may be told in the first look.
    again_.after(Duration::zero(), [this] { look(); });
}

void AcceptorWatch::look() {
    const auto begin = std::chrono::steady_clock::now();
    std::string missing = find_missing();
    if (!missing.empty()) {
        const auto took =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin);
        again_.after(std::max(pause_, took * pause_for_look), [this] { look(); });
        pause_ = std::min(pause_ * 3 / 2, longest_pause);
        if (missing == missing_)
            return;
        missing_ = missing;
    }
    // The owner may destroy us in it: nothing here is touched after the call.
    const auto tell = handlers_.tell;
    tell(std::move(missing));
}

std::string AcceptorWatch::find_missing() const {
    std::vector<int> sockets;
    for (const WatchedListener& listener : listeners_)
        sockets.insert(sockets.end(), listener.fds.begin(), listener.fds.end());
    const os::Acceptors found = os::find_acceptors(handlers_.processes(), sockets);
    std::vector<std::string> names;
    auto here = found.waiting.begin();
    for (const WatchedListener& listener : listeners_) {
        const auto next = here + static_cast<std::ptrdiff_t>(listener.fds.size());
        if (std::find(here, next, true) == next)
            names.push_back(listener.name);
        here = next;
    }
    if (names.empty())
        return {};
    return "nothing in it waits for connections on " + join(names, ", ") +
           (found.hidden
                ? ", as far as can be seen: that takes the worker's own user, or CAP_SYS_PTRACE"
                : "");
}

} // namespace svc::daemon
