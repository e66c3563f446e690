#include "svcd/host/watching/probe_place.h"

#include "os/peer.h"
#include "wire/probe_target.h"

#include <utility>

namespace svc::daemon {

namespace {

bool is_unix(const Address& address) {
    return address.family == AddressFamily::unix_path ||
           address.family == AddressFamily::unix_abstract;
}

/// A socket that is bound to all addresses is asked at the loopback one.
Address reachable(Address address) {
    if (address.family == AddressFamily::ipv4 && address.host == "0.0.0.0")
        address.host = "127.0.0.1";
    else if (address.family == AddressFamily::ipv6 && address.host == "::")
        address.host = "::1";
    return address;
}

wire::ProbeTarget named(const ProbeTarget& target) {
    return {target.name, target.replica, target.who.main};
}

} // namespace

Result<rollout::HttpHook> place_of(const rollout::HttpProbe& probe, const ProbeTarget& target) {
    const auto listener = target.listeners.find(probe.listener);
    std::optional<Address> own;
    if (listener != target.listeners.end())
        own = reachable(listener->second);
    return wire::probe_request(probe, named(target), own);
}

Result<Address> place_of(const rollout::TcpProbe& probe, const ProbeTarget& target) {
    return wire::probe_address(probe, named(target));
}

PeerCheck peer_check(const Address& address, const ProbeTarget& target) {
    if (!is_unix(address))
        return {};
    for (const auto& [name, own] : target.listeners) {
        if (own == address)
            return {};
    }
    return [who = target.who](int fd) -> Result<void> {
        const auto process = os::listening_process(fd);
        if (!process)
            return Error{"nobody can tell which process answered", 0};
        if (is_of_worker(who, *process))
            return {};
        return Error{
            "answered by process " + std::to_string(*process) + ", which is not this worker", 0};
    };
}

} // namespace svc::daemon
