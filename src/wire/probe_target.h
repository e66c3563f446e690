// Where a probe goes, for one worker: {worker}, {replica} and {pid} become that worker's own. Pure.
#pragma once

#include "rollout/spec.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace svc::wire {

/// Who is asked.
struct ProbeTarget {
    std::string worker; ///< "r7-2"
    std::uint32_t replica = 0;
    std::int32_t pid = 0; ///< of the main process
};

/// Replaces {worker}, {replica} and {pid}. Another {name}, or a brace without its end, is an error.
Result<std::string> expand_probe(std::string_view text, const ProbeTarget& target);

/// The GET that a probe sends. `own`: the address that the worker's own socket of probe.listener is
/// bound to (getsockname(2)); needed with a listener, and not looked at without one.
Result<rollout::HttpHook> probe_request(const rollout::HttpProbe& probe, const ProbeTarget& target,
                                        const std::optional<Address>& own = {});
/// Where a probe connects.
Result<Address> probe_address(const rollout::TcpProbe& probe, const ProbeTarget& target);

/// The address of a worker's own socket of a listener of scope worker: {worker} in a unix path or
/// name is replaced; a port 0 stays, for the kernel to choose.
Result<Address> private_address(const rollout::ListenerSpec& listener, std::string_view worker);

} // namespace svc::wire
