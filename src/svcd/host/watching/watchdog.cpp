#include "svcd/host/watching/watchdog.h"

#include "os/clock.h"

#include <utility>

namespace svc::daemon {

void Watchdog::start(Duration period) {
    period_ = said_period_.value_or(period);
    stage_ = Stage::alive;
    heard_at_ = os::now();
    arm();
}

void Watchdog::stop() {
    stage_ = Stage::off;
    armed_ = false;
    alarm_.cancel();
}

void Watchdog::hear(const wire::Notification& said) {
    if (said.watchdog_period) {
        said_period_ = period_ = *said.watchdog_period;
        heard_at_ = os::now();
        armed_ = false; // for another time
        arm();
    }
    if (!said.watchdog || stage_ == Stage::off)
        return;
    switch (*said.watchdog) {
    case wire::WatchdogWord::alive:
        heard_at_ = os::now();
        if (std::exchange(stage_, Stage::alive) == Stage::silent) {
            arm();
            handlers_.changed(true, {});
        }
        return;
    case wire::WatchdogWord::trigger:
        fail("WATCHDOG=trigger");
        return;
    }
}

void Watchdog::arm() {
    if (stage_ != Stage::alive || armed_)
        return;
    if (period_ == Duration::zero()) { // as in systemd: it watches no longer
        alarm_.cancel();
        return;
    }
    armed_ = true;
    alarm_.after(heard_at_ + period_ - os::now(), [this] {
        armed_ = false;
        look();
    });
}

void Watchdog::look() {
    if (os::now() >= heard_at_ + period_)
        handlers_.read_all();
    if (stage_ == Stage::alive && period_ != Duration::zero() && os::now() >= heard_at_ + period_)
        fail("no WATCHDOG=1 for " + format_duration(period_));
    else
        arm();
}

void Watchdog::fail(std::string detail) {
    if (stage_ != Stage::alive)
        return;
    stage_ = Stage::silent;
    armed_ = false;
    alarm_.cancel();
    handlers_.changed(false, std::move(detail));
}

} // namespace svc::daemon
