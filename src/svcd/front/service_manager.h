// What the service manager is told (sd_notify(3)).
#pragma once

#include "os/notify_socket.h"
#include "rollout/state.h"

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

private:
    enum class Phase { starting, running, reloading, stopping };
    Phase phase_ = Phase::starting;
    std::string status_;
    Instant extended_to_{};
};

/// The story, told over the socket. A datagram that the socket does not take is kept, and
/// has_unsent() says that the daemon should come back: a lost READY=1 would be a failed start.
class ServiceManager {
public:
    explicit ServiceManager(os::ManagerSocket socket) : socket_(std::move(socket)) {}

    void update(const rollout::State& state, Instant now);
    /// A sentence of our own, and time for what has no deadline in the state yet (a check).
    void tell(const std::string& status, Duration time);
    void retry();
    [[nodiscard]] bool has_unsent() const { return !unsent_.empty(); }

private:
    void send(const std::string& lines);

    os::ManagerSocket socket_;
    ManagerStory story_;
    std::vector<std::string> unsent_; ///< one line a key: the newest counts
};

} // namespace svc::daemon
