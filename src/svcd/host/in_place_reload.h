// InPlaceReload: one worker is told to reload itself, and then has to show that it did.
#pragma once

#include "svcd/host/watching/verification.h"

#include "base/time.h"
#include "wire/notification.h"

namespace svc::daemon {

/// telling (the hook `reload` or `revert` runs) ─ it succeeded → confirming ─ shown → over
///     └ it failed, or the time is over → over                      └ the time is over → over
///
/// Shown is, with `verify`, by its success, tried again a second after each failure. Without it, as
/// sd_notify(3) has it: by RELOADING=1 and then READY=1 in another message. RELOADING=1 counts from the
/// moment at which the telling began, also while the hook still runs (a command may wait for it); one
/// that carries MONOTONIC_USEC= of an earlier moment belongs to an earlier reload, as with systemd's
/// Type=notify-reload. A READY=1 alone shows nothing: it may be any program's answer to any signal.
class InPlaceReload {
public:
    struct Order {
        rollout::HookSpec tell;
        std::optional<rollout::HookSpec> verify;
        Duration patience{};                  ///< for all of it
        std::function<HookSubject()> subject; ///< for either hook, as of when it starts
    };
    /// `ended` is called once, from the loop or from hear(), and may destroy the object.
    InPlaceReload(HostContext& context, Order order, std::function<void(HookVerdict)> ended);
    InPlaceReload(const InPlaceReload&) = delete;
    InPlaceReload& operator=(const InPlaceReload&) = delete;

    void hear(const wire::Notification& said);

private:
    enum class Stage { telling, confirming, over };
    void handle_told(HookVerdict verdict);
    void handle_verified(HookVerdict verdict);
    void confirm_by_words();
    void handle_timeout();
    void finish(HookVerdict verdict);

    HostContext& context_;
    Order order_;
    std::function<void(HookVerdict)> ended_;
    Stage stage_ = Stage::telling;
    Instant began_;
    bool said_reloading_ = false;
    bool said_ready_ = false; ///< after that
    HookVerdict refused_;     ///< the last one of `verify`
    TimedHook hook_;
    std::unique_ptr<Verification> verification_;
    Alarm deadline_;
};

} // namespace svc::daemon
