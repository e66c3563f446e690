// Keeper: the parent that a supervisor without systemd has, and that gives it back what it held.
#pragma once

#include "keeper/backoff.h"
#include "keeper/child.h"
#include "keeper/message.h"
#include "os/clock.h"
#include "os/error_output.h"
#include "os/notify_socket.h"
#include "os/process.h"

#include <deque>
#include <optional>

namespace svc::keeper {

/// The child is svcd. It speaks to us as it does to systemd: NOTIFY_SOCKET one way, LISTEN_FDS the other,
/// and has no code for us.
///
///   start → running ─ ended, svc.state is not in the store → the keeper ends with its status
///     ▲        └───── ended, svc.state is there: it did not mean to → waiting
///     └──────── the backoff is over, or a stop signal came ─────────────┘
///
/// What can never happen: the end of a child is judged before its last message was read; a message is heard
/// of a process that is not the child (its number is its own until we reap it, which is later than its last
/// message); a signal is lost while there is no child (it waits) or before the child handles it (it starts
/// with all of them blocked).
class Keeper {
public:
    struct Fds {
        UniqueFd signals; ///< a signalfd(2) of those that are passed on, and SIGCHLD
        UniqueFd messages;
    };
    Keeper(Fds fds, Child child, Store store, os::ManagerSocket manager)
        : fds_(std::move(fds)), child_(std::move(child)), store_(std::move(store)),
          manager_(std::move(manager)) {}

    /// Until the child has ended on purpose; the exit status.
    int run();

private:
    void start();
    void read_messages(int at_most);
    void handle(os::Datagram datagram);
    void read_signals();
    void handle_signal(int number);
    /// The status to end with, if it is time.
    std::optional<int> reap();
    std::optional<int> handle_end(const os::Ended& ended);
    void send_unsent();
    [[nodiscard]] int wait_milliseconds() const;
    void say(const std::string& sentence) const;

    Fds fds_;
    Child child_;
    Store store_;
    os::ManagerSocket manager_;      ///< ours
    std::deque<std::string> unsent_; ///< to it
    pid_t pid_ = 0;                  ///< of the child; 0: there is none
    Instant started_{};
    Instant start_at_{}; ///< the next one
    Backoff backoff_;
    std::vector<int> waiting_signals_; ///< for it
    bool told_to_quit_ = false;
    bool ready_ = false; ///< this one came to serve
    bool stranger_told_ = false;
    os::ErrorOutput errors_{2};
};

} // namespace svc::keeper
