#include "launch/launch.h"

#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <linux/close_range.h>
#include <unistd.h>

namespace svc::launch {

namespace {

constexpr int first_inherited = 3; // SD_LISTEN_FDS_START, sd_listen_fds(3)

/// Opens /dev/null on every one of 0, 1 and 2 that is closed: open(2) takes the lowest number.
Result<void> fill_standard_fds() {
    for (;;) {
        UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        if (!null)
            return system_error("cannot open /dev/null", errno);
        if (null.get() > STDERR_FILENO)
            return {};
        if (::fcntl(null.release(), F_SETFD, 0) != 0)
            return system_error("cannot keep /dev/null open", errno);
    }
}

/// Puts fds[i] on number 3 + i, without close-on-exec, for every i below `inherited`. As a rule
/// they are there already: nothing else is open, and the kernel gives out the lowest free numbers.
/// If something else was open they are in rising order all the same, none below its place, so that
/// moving them down one by one never lands on one that is still to be moved.
Result<void> place(std::vector<UniqueFd>& fds, std::size_t inherited) {
    for (std::size_t index = 0; index < inherited; ++index) {
        const int number = fds[index].get();
        const int target = first_inherited + static_cast<int>(index);
        if (number < target)
            fatal("a fd was received below its place");
        const bool in_place = number == target;
        if ((in_place ? ::fcntl(target, F_SETFD, 0) : ::dup2(number, target)) < 0)
            return system_error("cannot put a fd on number " + std::to_string(target), errno);
        if (!in_place)
            fds[index].reset(target);
    }
    return {};
}

} // namespace

Result<void> Launch::take_fds(Channel& channel, std::size_t count) {
    if (auto filled = fill_standard_fds(); !filled)
        return filled;
    // Our own socket sits where the worker's first fd belongs.
    if (auto moved = channel.move_above(first_inherited + static_cast<int>(count)); !moved)
        return moved;
    auto received = channel.receive_fds(count);
    if (!received)
        return received.error();
    fds = std::move(*received);
    if (auto placed = place(fds, order.inherited_fds); !placed)
        return placed;
    // Each of them is close-on-exec already; what we were started with may not be.
    if (::close_range(first_inherited + order.inherited_fds,
                      std::numeric_limits<unsigned int>::max(), CLOSE_RANGE_CLOEXEC) != 0)
        return system_error("cannot keep other fds from the worker (close_range(2) with "
                            "CLOSE_RANGE_CLOEXEC, Linux 5.11)",
                            errno);
    return {};
}

} // namespace svc::launch
