// What the service manager is told (sd_notify(3)).
#pragma once

#include "os/notify_socket.h"
#include "rollout/state.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace svc::daemon {

/// Turns successive states into sd_notify lines. Pure.
///
///   starting ─ first rollout complete: READY=1 → running
///   running ─ a rollout begins: RELOADING=1 → reloading ─ it ended: READY=1 → running
///   any ─ a stop is wanted: STOPPING=1 → stopping (final: systemd 259 takes nothing after it)
///
/// EXTEND_TIMEOUT_USEC is computed from the deadlines that the state knows and is sent when such a
/// deadline moves: no timer ticks for it.
class ManagerStory {
public:
    /// The lines to send now, joined by newlines; often empty.
    std::string next(const rollout::State& state, Instant now);
    /// Nothing is under way that RELOADING=1 and READY=1 would interrupt.
    [[nodiscard]] bool is_quiet() const { return phase_ == Phase::running; }

private:
    enum class Phase { starting, running, reloading, stopping };
    Phase phase_ = Phase::starting;
    std::string status_;
    Instant extended_to_{};
};

/// The story, told over the socket and never waited for. What the socket does not take is kept and
/// tried again soon: a lost READY=1 would be a failed start. A timer runs as long as something is
/// unsent, and only then.
///
/// Where the manager watches us, WATCHDOG=1 is said at half of its interval, by a timer of the event loop:
/// one that stands still says nothing.
class ServiceManager {
public:
    ServiceManager(const boost::asio::any_io_executor& executor,
                   std::shared_ptr<const os::ManagerSocket> socket,
                   std::optional<Duration> watchdog = std::nullopt);

    void update(const rollout::State& state, Instant now);
    /// A HUP after which no rollout begins. systemd's Type=notify-reload, which sends it, waits for RELOADING=1
    /// and for the end of that, for ever if it must.
    void reload_was_nothing(Instant now);
    /// A sentence of our own, and time for what has no deadline in the state yet (a check).
    void tell(const std::string& status, Duration time);

private:
    void send(const std::string& lines);
    void send_unsent();
    void answer_watchdog(Duration interval);

    std::shared_ptr<const os::ManagerSocket> socket_;
    ManagerStory story_;
    std::vector<std::string> unsent_; ///< one line a key: the newest counts
    boost::asio::steady_timer retry_;
    boost::asio::steady_timer watchdog_;
};

} // namespace svc::daemon
