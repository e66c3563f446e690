#include "keeper/keeper.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::keeper {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view state_name = "svc.state"; // svcd removes it when it ends on purpose
constexpr int messages_at_once = 8;                  // then signals have their turn
constexpr int messages_at_end = 1 << 16; // more than a queue holds (net.unix.max_dgram_qlen)
constexpr std::size_t unsent_limit = 64;
constexpr Duration retry_after = 100ms; // of a manager of ours that has no room

bool is_stop(int number) {
    return number == SIGTERM || number == SIGINT || number == SIGQUIT;
}

std::string text_of(const os::Ended& ended) {
    if (!ended.signaled)
        return "ended with status " + std::to_string(ended.value);
    return "was killed by " + signal_name(ended.value) +
           (ended.core_dumped ? " (core dumped)" : "");
}

/// Every process below us: as the subreaper we get the children of those that end, until there is none.
void kill_all_children() {
    for (;;) {
        // "4711 4712 ", whole numbers at each read (proc(5)); empty, or missing: none.
        const UniqueFd list(::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
        std::array<char, 8192> text{};
        if (::read(list.get(), text.data(), text.size() - 1) <= 0)
            return;
        char* at = text.data();
        while (const auto pid = static_cast<pid_t>(std::strtol(at, &at, 10)))
            ::kill(pid, SIGKILL); // ours until it is reaped
        siginfo_t ended{};
        ::waitid(P_ALL, 0, &ended, WEXITED);
    }
}

} // namespace

int Keeper::run() {
    start();
    for (;;) {
        std::array<pollfd, 2> waited = {pollfd{fds_.signals.get(), POLLIN, 0},
                                        pollfd{fds_.messages.get(), POLLIN, 0}};
        ::poll(waited.data(), waited.size(), wait_milliseconds());
        read_messages(messages_at_once);
        read_signals();
        if (const auto status = reap())
            return *status;
        if (pid_ == 0 && os::now() >= start_at_)
            start();
        send_unsent();
    }
}

int Keeper::wait_milliseconds() const {
    if (pid_ == 0)
        return static_cast<int>(std::max(Duration::zero(), start_at_ - os::now()) / 1ms) + 1;
    return unsent_.empty() ? -1 : static_cast<int>(retry_after / 1ms);
}

void Keeper::start() {
    started_ = os::now();
    const pid_t pid = ::fork();
    if (pid == 0)
        become(child_, store_.all());
    if (pid < 0) {
        start_at_ = started_ + 1s;
        return say("cannot fork: " + error_text(errno));
    }
    pid_ = pid;
    stranger_told_ = false;
    ready_ = false;
    for (const int number : std::exchange(waiting_signals_, {}))
        handle_signal(number);
}

void Keeper::read_messages(int at_most) {
    for (; at_most > 0; --at_most) {
        auto datagram = os::receive_datagram(fds_.messages.get());
        if (!datagram || !*datagram)
            return;
        handle(std::move(**datagram));
    }
}

/// What of its fds is not kept closes here, which is the answer that BARRIER=1 asks for.
void Keeper::handle(os::Datagram datagram) {
    if (datagram.sender != pid_ || pid_ == 0) {
        if (!std::exchange(stranger_told_, true))
            say("process " + std::to_string(datagram.sender) +
                " is not the supervisor and is not heard (said once)");
        return;
    }
    Message message = parse_message(datagram.bytes);
    ready_ = ready_ || message.ready;
    if (datagram.fds_lost)
        say("no room for a fd that the supervisor wants kept: raise the limit on open files");
    if (message.remove)
        store_.remove(message.name);
    else if (message.store && !is_fd_name(message.name))
        say("a fd cannot be kept as \"" + printable(message.name, 64) + "\"");
    else if (message.store)
        for (UniqueFd& fd : datagram.fds)
            if (!store_.put(message.name, std::move(fd)))
                say("the store is full (" + std::to_string(store_.all().size()) + " fds of " +
                    std::to_string(store_.limit()) + "): " + message.name + " is not kept");
    if (message.passed_on.empty() || !manager_.present())
        return;
    if (unsent_.size() == unsent_limit)
        unsent_.pop_front();
    unsent_.push_back(std::move(message.passed_on));
}

void Keeper::send_unsent() {
    while (!unsent_.empty()) {
        const auto sent = manager_.try_send(unsent_.front(), -1);
        if (sent && !*sent)
            return;
        unsent_.pop_front();
    }
}

void Keeper::read_signals() {
    signalfd_siginfo info{};
    while (::read(fds_.signals.get(), &info, sizeof(info)) == sizeof(info))
        if (info.ssi_signo != SIGCHLD)
            handle_signal(static_cast<int>(info.ssi_signo));
}

void Keeper::handle_signal(int number) {
    if (pid_ != 0) {
        told_to_quit_ = told_to_quit_ || number == SIGQUIT;
        ::kill(pid_, number); // not reaped, so the number is its own
        return;
    }
    if (std::find(waiting_signals_.begin(), waiting_signals_.end(), number) ==
        waiting_signals_.end())
        waiting_signals_.push_back(number);
    if (is_stop(number))
        start_at_ = os::now();
}

std::optional<int> Keeper::reap() {
    while (const auto ended = os::peek_ended_child()) {
        const bool is_child = ended->pid == pid_;
        if (is_child)
            read_messages(messages_at_end);
        os::reap(ended->pid);
        if (!is_child)
            continue;
        pid_ = 0;
        if (const auto status = handle_end(*ended))
            return status;
    }
    return std::nullopt;
}

std::optional<int> Keeper::handle_end(const os::Ended& ended) {
    if (!store_.contains(state_name)) {
        if (ended.signaled)
            say("the supervisor " + text_of(ended) + ", and left nothing to go on from");
        send_unsent();
        return ended.signaled ? 128 + ended.value : ended.value;
    }
    if (told_to_quit_) {
        say("the supervisor " + text_of(ended) + " when it was to stop now; killing the workers");
        kill_all_children();
        return 1;
    }
    const Duration wait = backoff_.after(os::now() - started_, ready_);
    start_at_ = os::now() + wait;
    say("the supervisor " + text_of(ended) + "; " + std::to_string(store_.all().size()) +
        " fds are kept, the next one starts " +
        (wait == Duration::zero() ? "at once" : "in " + format_duration(wait)));
    return std::nullopt;
}

void Keeper::say(const std::string& sentence) const {
    // What has no room now is lost: nothing waits for whoever reads it.
    [[maybe_unused]] const long written = errors_.write_some("svc-keeper: " + sentence + "\n");
}

} // namespace svc::keeper
