// [metrics]
#include "wire/service_file/sections.h"

namespace svc::wire::service_file {

void read_metrics(Table& metrics, std::optional<rollout::MetricsSpec>& spec) {
    std::string text;
    if (metrics.read_string("listen", text, "\"127.0.0.1:9464\"")) {
        auto address = parse_address(text);
        if (address)
            spec.emplace().listen = std::move(*address);
        else
            metrics.refuse("listen", address.error().message);
    } else if (!metrics.has("listen")) {
        metrics.refuse_all("where to listen is missing; write listen = \"127.0.0.1:9464\" or leave "
                           "[metrics] out");
    }
    metrics.finish();
}

void find_impossible_metrics(const rollout::Spec& spec, std::vector<Finding>& findings) {
    if (!spec.metrics)
        return;
    const Address& address = spec.metrics->listen;
    const auto add = [&](std::string message) {
        findings.push_back({"metrics.listen", {}, std::move(message)});
    };
    if (address.type != SocketType::stream || address.family == AddressFamily::systemd)
        add(quoted(format_address(address)) +
            " does not speak HTTP; write a TCP address (\"127.0.0.1:9464\") or \"unix:/PATH\"");
    for (const rollout::ListenerSpec& listener : spec.listeners)
        if (is_ip(address) ? address.port != 0 && may_exclude(listener.address, address)
                           : listener.address == address)
            add(format_address(address) + " is the workers' already (listener " + listener.name +
                ", " + format_address(listener.address) + "); take another one");
}

} // namespace svc::wire::service_file
