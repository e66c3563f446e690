// Watchdog: whether a worker says WATCHDOG=1 often enough (sd_notify(3), sd_watchdog_enabled(3)).
#pragma once

#include "svcd/host/children/loop.h"

#include "base/time.h"
#include "wire/notification.h"

namespace svc::daemon {

/// off ─ start() → alive ─ silent for the period, or WATCHDOG=trigger → silent ─ WATCHDOG=1 → alive
///
/// Words are heard while it is off, too: the period that they set counts from the start on. One timer,
/// which is moved on only when it runs out: a word costs a look at the clock.
class Watchdog {
public:
    struct Handlers {
        /// Reads what waits to be heard: if we ourselves were stopped for a while, a word may have come
        /// in time and not been read.
        std::function<void()> read_all;
        std::function<void(bool alive, std::string detail)> changed;
    };
    Watchdog(boost::asio::io_context& io, Handlers handlers)
        : alarm_(io), handlers_(std::move(handlers)) {}

    void start(Duration period);
    void stop();
    void hear(const wire::Notification& said);

private:
    enum class Stage { off, alive, silent };
    void arm();
    void look();
    void fail(std::string detail);

    Alarm alarm_;
    Handlers handlers_;
    Stage stage_ = Stage::off;
    Duration period_{};
    std::optional<Duration> said_period_; ///< WATCHDOG_USEC=; zero: it wants none
    Instant heard_at_{};
    bool armed_ = false;
};

} // namespace svc::daemon
