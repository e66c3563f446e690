// A connection to a service's supervisor, whoever that is by now.
#pragma once

#include "svc/talk/client.h"
#include "svc/talk/services.h"

#include <functional>

namespace svc::cli {

/// How long it is waited for a supervisor that is not there: one that was killed has a successor in a moment.
struct Patience {
    Duration first = std::chrono::seconds(3); ///< its socket is there, and nobody listens
    Duration again =
        std::chrono::seconds(60); ///< it answered before, and then the connection ended
};

/// A Client that survives its supervisor.
///
///   absent ─ connected, asked → open ─ a reply → answered ─┐
///     ▲ │                        │                         │ the connection ended
///     │ └ nobody came in time: the error is final          │
///     └──────────────────────────┴─────────────────────────┘
///
/// What is asked after the first time is up to the caller: the next supervisor may know of the request, or
/// not. Tries to connect come soon after each other at first and then a few a second.
class Line {
public:
    /// `interrupt`: as Client's. `service` must outlive this.
    Line(const Service& service, const Patience& patience, int interrupt = -1)
        : service_(service), patience_(patience), interrupt_(interrupt) {}

    /// The next reply. Before, it connects if it is not connected, and sends call() if there is none on this
    /// connection whose last reply has not come. Errors, by their codes:
    ///   ECONNRESET   the connection ended: the next next() tries again
    ///   ETIMEDOUT, EINTR   `until` passed, `interrupt` became readable: it can be gone on
    ///   any other    as Client; of ENOENT and ECONNREFUSED: nobody came in time
    Result<wire::VarlinkReply> next(const std::function<wire::VarlinkCall()>& call,
                                    std::optional<Instant> until);
    /// Hangs up; the next next() does not try at once.
    void hang_up();
    /// A socket that is not there any more is an answer, and not waited for.
    void expect_end() { expects_end_ = true; }

    /// How often a call was sent, perhaps to supervisors that are gone by now.
    [[nodiscard]] unsigned times_asked() const { return asked_; }
    /// A connection on which something was asked has ended, and nobody answered since.
    [[nodiscard]] bool lost() const { return lost_; }

private:
    Result<void> open(const std::function<wire::VarlinkCall()>& call, std::optional<Instant> until);
    [[nodiscard]] bool may_come(const Error& error) const;
    /// An end or a try that failed, at this moment: false if it was the last.
    bool try_later();
    [[nodiscard]] Instant end_of_absence() const {
        return *absent_since_ + (lost_ ? patience_.again : patience_.first);
    }
    Error connection_ended(const Error& error);

    const Service& service_;
    Patience patience_;
    int interrupt_;
    bool expects_end_ = false;
    std::optional<Client> client_;
    bool calling_ = false; ///< more replies come on this connection
    unsigned asked_ = 0;
    bool lost_ = false;
    std::optional<Instant> absent_since_;
    std::optional<Instant> answered_at_; ///< of this connection: its first reply
    Instant next_try_{};
    Duration pause_{}; ///< before the try after the next
};

} // namespace svc::cli
