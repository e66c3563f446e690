#include "wire/probe_target.h"

#include "base/text.h"
#include "wire/service_file/sections.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace svc::wire {

namespace {

using Replacement = std::pair<std::string_view, std::string>;

Result<std::string> replace_names(std::string_view text, std::span<const Replacement> known,
                                  std::string_view right) {
    std::string result;
    while (!text.empty()) {
        const std::size_t brace = std::min(text.find('{'), text.size());
        result += text.substr(0, brace);
        text.remove_prefix(brace);
        if (text.empty())
            break;
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos)
            return Error{"a \"{\" has no \"}\"; " + std::string(right)};
        const std::string_view name = text.substr(1, end - 1);
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const auto& each) { return each.first == name; });
        if (found == known.end())
            return Error{"there is no {" + printable(name, 40) + "} here; " + std::string(right)};
        result += found->second;
        text.remove_prefix(end + 1);
    }
    return result;
}

} // namespace

Result<std::string> expand_probe(std::string_view text, const ProbeTarget& target) {
    const std::array known{Replacement{"worker", target.worker},
                           Replacement{"replica", std::to_string(target.replica)},
                           Replacement{"pid", std::to_string(target.pid)}};
    return replace_names(text, known, "write {worker}, {replica} or {pid}");
}

Result<rollout::HttpHook> probe_request(const rollout::HttpProbe& probe, const ProbeTarget& target,
                                        const std::optional<Address>& own) {
    auto url = expand_probe(probe.url, target);
    if (!url)
        return url.error();
    if (probe.listener.empty())
        return service_file::parse_hook_url(*url, "probe");
    if (!own)
        return Error{"the worker has no socket of listener " + probe.listener};
    // The rules for a target are the same, wherever it is asked.
    auto request = service_file::parse_hook_url("http://127.0.0.1" + *url, "probe");
    if (!request)
        return request.error();
    request->address = *own;
    const bool ip = own->family == AddressFamily::ipv4 || own->family == AddressFamily::ipv6;
    request->host_header = ip ? format_address(*own) : "localhost";
    return request;
}

Result<Address> probe_address(const rollout::TcpProbe& probe, const ProbeTarget& target) {
    const auto text = expand_probe(probe.address, target);
    if (!text)
        return text.error();
    const auto refuse = [&](std::string_view why) {
        return Error{service_file::quoted(*text) +
                     " is nothing to connect to: " + std::string(why)};
    };
    // What listens there says "any address"; who connects says which.
    if (text->starts_with(':') || text->find_first_not_of("0123456789") == std::string::npos)
        return refuse("its host is missing; write 127.0.0.1:8080");
    auto address = parse_address(*text);
    if (!address)
        return address;
    const bool ip =
        address->family == AddressFamily::ipv4 || address->family == AddressFamily::ipv6;
    if (address->type != SocketType::stream || address->family == AddressFamily::systemd)
        return refuse("write 127.0.0.1:8080 or unix:/run/web.sock");
    if (ip && address->port == 0)
        return refuse("a port of 0 cannot be connected to");
    return address;
}

Result<Address> private_address(const rollout::ListenerSpec& listener, std::string_view worker) {
    Address address = listener.address;
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6:
    case AddressFamily::systemd:
        return address;
    case AddressFamily::unix_path:
    case AddressFamily::unix_abstract:
        break;
    }
    const std::array known{Replacement{"worker", std::string(worker)}};
    auto name = replace_names(address.host, known, "write {worker}");
    if (!name)
        return name.error();
    address.host = std::move(*name);
    return parse_address(format_address(address)); // its length may be too much now
}

} // namespace svc::wire
