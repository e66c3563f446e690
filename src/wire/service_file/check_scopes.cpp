// Listeners of which each worker, or each revision, has its own.
#include "wire/service_file/sections.h"

#include "base/text.h"
#include "wire/probe_target.h"

namespace svc::wire::service_file {

namespace {

using rollout::ListenerScope;
using rollout::ListenerSpec;

// As long as a worker's name gets: a million revisions, a thousand replicas, many restarts.
constexpr std::string_view long_worker_name = "r999999-999.99999";

void check_private(const ListenerSpec& listener, const std::string& path,
                   std::vector<Finding>& findings) {
    const Address& address = listener.address;
    const auto add = [&](std::string_view key, std::string message) {
        findings.push_back(
            {path + '.' + std::string(key), {path + ".address"}, std::move(message)});
    };
    if (address.family == AddressFamily::systemd)
        add("private",
            "systemd passes one socket, and each worker needs its own; write an address");
    else if (address.type != SocketType::stream)
        add("private", "only a stream socket can be each worker's own; take it out, or write "
                       "address = \"127.0.0.1:0\"");
    else if (is_ip(address) && address.port != 0)
        add("address", "not every worker can have port " + std::to_string(address.port) +
                           " of its own; write port 0: the kernel chooses one for each, and "
                           "probes with listener know it");
    else if (!is_ip(address) && address.host.find("{worker}") == std::string::npos)
        add("address", quoted(format_address(address)) +
                           " is the same for every worker; write {worker} into it, which is a name "
                           "such as r7-2: \"unix:/run/web/{worker}.sock\"");
    else if (const auto its = private_address(listener, long_worker_name); !its)
        add("address", its.error().message);
}

void check_preview(const ListenerSpec& listener, const std::string& path,
                   rollout::Strategy strategy, std::vector<Finding>& findings) {
    const Address& address = listener.address;
    const auto add = [&](std::string_view key, std::string_view other, std::string message) {
        findings.push_back(
            {path + '.' + std::string(key), {std::string(other)}, std::move(message)});
    };
    if (strategy != rollout::Strategy::blue_green)
        add("preview", "rollout.strategy",
            "only strategy = \"blue-green\" has a second set to look at before it takes over; "
            "write "
            "that, or take it out");
    if (!is_ip(address) || address.type != SocketType::stream)
        add("preview", path + ".address",
            "only a TCP listener leads to the newest set; write address = \"127.0.0.1:8081\", or "
            "take it out");
    else if (address.port == 0)
        add("address", path + ".preview",
            "whoever looks at the new set must know its port, and each set would get another one; "
            "write a port, such as \"127.0.0.1:8081\"");
}

} // namespace

void find_impossible_scopes(const rollout::Spec& spec, std::vector<Finding>& findings) {
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
        const ListenerSpec& listener = spec.listeners[i];
        const std::string path = "listener[" + std::to_string(i + 1) + ']';
        switch (listener.scope) {
        case ListenerScope::worker:
            check_private(listener, path, findings);
            break;
        case ListenerScope::revision:
            check_preview(listener, path, spec.rollout.strategy, findings);
            break;
        case ListenerScope::service:
            if (listener.address.host.find("{worker}") != std::string::npos)
                findings.push_back({path + ".address",
                                    {path + ".private", path + ".preview"},
                                    "{worker} stands for one worker, and all of them share this "
                                    "socket; write private = true below it, or another address"});
            break;
        }
    }
}

} // namespace svc::wire::service_file
