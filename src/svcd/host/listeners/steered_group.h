// SteeredGroup: the sockets of one listener of which each revision has its own (ListenerScope::revision).
#pragma once

#include "rollout/revision.h"

#include <vector>

namespace svc::daemon {

/// All are bound to one address with SO_REUSEPORT. What comes goes to the newest revision of which a worker
/// was started; until then to the one before, so that nothing waits for workers that do not exist yet, and
/// again once that revision is given up, before its workers stop to accept.
///
/// Mirrors the order in which the kernel has them (os/reuseport.h). A socket of another program's that
/// shares the address (the kernel permits it to the same user) would make it wrong.
class SteeredGroup {
public:
    struct Member {
        rollout::RevisionNumber revision = 0;
        int fd = -1;
        bool used = false; ///< a worker of it was started
    };
    /// In the kernel's order.
    [[nodiscard]] const std::vector<Member>& members() const { return members_; }
    /// Goes on with sockets that an earlier supervisor opened, given in the kernel's order.
    Result<void> restore(std::vector<Member> members);
    /// As the kernel does it when a socket stops to listen: the last one takes its place.
    static Member take_out(std::vector<Member>& members, int fd);

    /// `fd` was just made to listen; it stays the caller's. An error is one of steering: the kernel spreads
    /// the connections over all.
    Result<void> add(rollout::RevisionNumber revision, int fd);
    /// A worker of it is started.
    Result<void> use(rollout::RevisionNumber revision);
    /// It is given up: what comes goes to another one, unless it is the only one.
    Result<void> pass_over(rollout::RevisionNumber revision);
    /// The workers of `from` are those of `to` now, and so is their socket.
    Result<void> hand_over(rollout::RevisionNumber from, rollout::RevisionNumber to);
    /// A worker shut it down, and it listens again.
    Result<void> moved_to_end(int fd);
    /// To be called before it is closed: workers may have it open still.
    Result<void> remove(int fd);

    [[nodiscard]] bool empty() const { return members_.empty(); }
    /// Of any member, or -1.
    [[nodiscard]] int any_fd() const { return members_.empty() ? -1 : members_.front().fd; }

private:
    Result<void> set_used(rollout::RevisionNumber revision, bool used);
    [[nodiscard]] Result<void> steer() const;

    std::vector<Member> members_;
};

} // namespace svc::daemon
