// Whom a probe asks, and whether it was the one asked who answered.
#pragma once

#include "svcd/host/hooks/hooks.h"
#include "svcd/host/hooks/http_request.h"
#include "svcd/host/watching/notify_rules.h"

#include <map>

namespace svc::daemon {

/// One worker as of one try.
struct ProbeTarget {
    WorkerIdentity who;
    std::string name;
    std::uint32_t replica = 0;
    std::map<std::string, Address> listeners; ///< its own ones, where they are bound
    HookSubject subject;
};

Result<rollout::HttpHook> place_of(const rollout::HttpProbe& probe, const ProbeTarget& target);
Result<Address> place_of(const rollout::TcpProbe& probe, const ProbeTarget& target);

/// Whoever listens at a unix address must be of this worker: its main process, a process of its group,
/// or a descendant. The kernel tells who called listen(2), so a listener of the worker's own, on which we
/// did, is not asked about: nobody else has it. Of an IP address the kernel tells nothing; there the place
/// must be the worker's by its number or name. Empty: nothing is to be checked.
PeerCheck peer_check(const Address& address, const ProbeTarget& target);

} // namespace svc::daemon
