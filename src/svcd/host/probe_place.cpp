#include "svcd/host/probe_place.h"

#include "os/peer.h"
#include "wire/hook_url.h"

#include <algorithm>
#include <array>
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

} // namespace

std::string fill_in(std::string_view text, const ProbeTarget& target) {
    const std::array<std::pair<std::string_view, std::string>, 3> values{{
        {"{replica}", std::to_string(target.replica)},
        {"{worker}", target.name},
        {"{pid}", std::to_string(target.who.main)},
    }};
    std::string result;
    while (!text.empty()) {
        const auto here = std::find_if(values.begin(), values.end(), [&](const auto& value) {
            return text.starts_with(value.first);
        });
        result += here == values.end() ? std::string(1, text.front()) : here->second;
        text.remove_prefix(here == values.end() ? 1 : here->first.size());
    }
    return result;
}

Result<rollout::HttpHook> place_of(const rollout::HttpProbe& probe, const ProbeTarget& target) {
    const std::string url = fill_in(probe.url, target);
    if (probe.listener.empty())
        return wire::service_file::parse_hook_url(url);
    const auto listener = target.listeners.find(probe.listener);
    if (listener == target.listeners.end())
        return Error{"the worker has no listener of its own named " + probe.listener, 0};
    rollout::HttpHook request;
    request.address = reachable(listener->second);
    request.host_header = "localhost";
    request.target = url.starts_with('/') ? url : "/" + url;
    return request;
}

Result<Address> place_of(const rollout::TcpProbe& probe, const ProbeTarget& target) {
    return parse_address(fill_in(probe.address, target));
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
