// Who is at the other end of the control socket, and what they may do.
#pragma once

#include "base/result.h"

#include <optional>
#include <sys/types.h>
#include <vector>

namespace svc::daemon {

/// As the kernel saw the client when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS). The
/// pid is for display only: it may be gone, reused, or 0 in another pid namespace.
struct Peer {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    pid_t pid = 0;
};

Result<Peer> peer_of(int socket);

/// What the rule needs to know of this machine and this supervisor.
struct Authority {
    uid_t own_uid = 0;
    std::optional<gid_t> control_group;
    uid_t overflow_uid = 65534; ///< what a user without a mapping here shows as
    gid_t overflow_gid = 65534;
};
/// Our own uid and what /proc/sys/kernel/overflow{u,g}id say.
Authority make_authority(std::optional<gid_t> control_group);

/// uid 0, the supervisor's own uid and members of the control group may change things; everyone
/// else may look. An unmapped uid may be anybody, so it never changes anything, not even if the
/// supervisor itself runs as that uid ("nobody") or the control group has the overflow gid.
bool may_change(const Peer& peer, const Authority& authority);

} // namespace svc::daemon
