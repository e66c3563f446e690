#include "launch/launch.h"

#include <algorithm>
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

/// Puts fds[index] on `number`, without close-on-exec. What sits there is moved out of the way first:
/// another fd of the order, which is still needed until the exec.
Result<void> place_one(std::vector<UniqueFd>& fds, std::size_t index, int number) {
    const auto cannot = [number] {
        return system_error("cannot put a fd on number " + std::to_string(number) +
                                " (is the supervisor's LimitNOFILE too low?)",
                            errno);
    };
    UniqueFd& wanted = fds[index];
    if (wanted.get() == number)
        return ::fcntl(number, F_SETFD, 0) < 0 ? Result<void>(cannot()) : Result<void>();
    for (UniqueFd& other : fds) {
        if (other.get() != number)
            continue;
        const int moved = ::fcntl(number, F_DUPFD_CLOEXEC, number + 1);
        if (moved < 0)
            return cannot();
        other.reset(moved);
    }
    if (::dup2(wanted.get(), number) < 0)
        return cannot();
    wanted.reset(number);
    return {};
}

/// What was not received may be open without close-on-exec: of that nothing reaches the worker.
Result<void> keep_back(unsigned first, unsigned last) {
    if (first > last || ::close_range(first, last, CLOSE_RANGE_CLOEXEC) == 0)
        return {};
    return system_error("cannot keep other fds from the worker (close_range(2) with "
                        "CLOSE_RANGE_CLOEXEC, Linux 5.11)",
                        errno);
}

} // namespace

Result<void> Launch::take_fds(Channel& channel, std::size_t count) {
    if (auto filled = fill_standard_fds(); !filled)
        return filled;
    const bool places_one = order.placed_index >= 0;
    const int number = static_cast<int>(order.placed_number);
    // Our own socket sits where the worker's first fd belongs.
    const int above_all = first_inherited + static_cast<int>(count);
    if (auto moved = channel.move_above(places_one ? std::max(above_all, number + 1) : above_all);
        !moved)
        return moved;
    auto received = channel.receive_fds(count);
    if (!received)
        return received.error();
    fds = std::move(*received);
    if (auto placed = place(fds, order.inherited_fds); !placed)
        return placed;
    // Each of them is close-on-exec already; what we were started with may not be.
    const unsigned first_other = first_inherited + order.inherited_fds;
    constexpr unsigned last_of_all = std::numeric_limits<unsigned int>::max();
    if (!places_one)
        return keep_back(first_other, last_of_all);
    if (auto own = place_one(fds, static_cast<std::size_t>(order.placed_index), number); !own)
        return own;
    if (auto kept = keep_back(first_other, order.placed_number - 1); !kept)
        return kept;
    return keep_back(order.placed_number + 1, last_of_all);
}

} // namespace svc::launch
