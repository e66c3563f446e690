// Probes. The mistake that must not pass silently: a probe that another worker answers. All workers
// of a service share its listeners, and while one revision replaces another there are two workers at
// a replica: the old version would say that the new one is ready.
#include "wire/service_file/sections.h"

#include "base/text.h"
#include "wire/probe_target.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace svc::wire::service_file {

namespace {

using rollout::ListenerScope;
using rollout::ListenerSpec;

constexpr Duration shortest_interval = std::chrono::milliseconds(10);
// The largest that kernel.pid_max can be (proc(5)).
constexpr std::int32_t largest_pid = 1 << 22;
constexpr std::string_view remedy =
    "give each worker a socket of its own, a [[listener]] with private = true, and write probe = "
    "{ http = \"/healthz\", listener = \"NAME\" }";

/// ::ffff:127.0.0.1 is 127.0.0.1 (RFC 4291, 2.5.5.2).
Address without_mapping(Address address) {
    constexpr std::string_view mapped = "::ffff:";
    if (address.family == AddressFamily::ipv6 && address.host.starts_with(mapped) &&
        address.host.find('.') != std::string::npos) {
        address.family = AddressFamily::ipv4;
        address.host.erase(0, mapped.size());
    }
    return address;
}

bool is_any_host(const Address& address) {
    return address.host == "0.0.0.0" || address.host == "::";
}

/// Whether a connect to `asked` may come out at the listener.
bool reaches(const Address& asked, const ListenerSpec& listener) {
    const Address at = without_mapping(listener.address);
    const Address to = without_mapping(asked);
    if (at.type != SocketType::stream)
        return false;
    if (!is_ip(at) || !is_ip(to))
        return at.family == to.family && at.host == to.host;
    if (at.port != to.port)
        return false;
    const bool both = at.host == "::" && !listener.options.v6only.value_or(true);
    if (at.family != to.family)
        return both && at.family == AddressFamily::ipv6;
    return at.host == to.host || is_any_host(at) || is_any_host(to);
}

/// What a probe says about where it goes.
struct Place {
    std::string key;      ///< "ready.probe.http"
    std::string text;     ///< the part that decides who answers: no path of a URL
    bool answered = true; ///< by the worker itself; false: a connect is enough
    std::function<Result<Address>(const ProbeTarget&)> address;
};

class ProbeChecker {
public:
    ProbeChecker(const rollout::Spec& spec, std::vector<Finding>& findings)
        : spec_(spec), findings_(findings) {}

    void check(const NamedProbe& named);

private:
    void add(std::string key, std::string message, std::vector<std::string> also = {}) {
        findings_.push_back(Finding{std::move(key), std::move(also), std::move(message)});
    }
    void check_http(const std::string& key, const rollout::HttpProbe& http);
    void check_listener(const std::string& key, const rollout::HttpProbe& http);
    void check_place(const Place& place);
    bool can_be_reached(const Place& place);
    bool is_shared(const Place& place);
    void check_own(const Place& place);

    const rollout::Spec& spec_;
    std::vector<Finding>& findings_;
};

bool names(std::string_view text, std::string_view name) {
    return text.find('{' + std::string(name) + '}') != std::string_view::npos;
}

ProbeTarget sample(std::uint32_t replica) {
    return {"r1-" + std::to_string(replica), replica, largest_pid};
}

std::string path_of_listener(std::size_t index) {
    return "listener[" + std::to_string(index + 1) + ']';
}

/// What says which socket a listener is, and whose: other keys of it may be wrong all the same.
std::vector<std::string> keys_of_place(std::size_t index) {
    const std::string path = path_of_listener(index);
    return {path + ".name", path + ".address", path + ".private", path + ".preview"};
}

std::vector<std::string> join_keys(std::vector<std::string> keys, std::vector<std::string> more) {
    std::move(more.begin(), more.end(), std::back_inserter(keys));
    return keys;
}

/// No mistake in the address; it is one for each replica.
bool ProbeChecker::can_be_reached(const Place& place) {
    const std::uint32_t last = spec_.rollout.replicas == 0 ? 0 : spec_.rollout.replicas - 1;
    // First, because what an address becomes by them is hard to recognize in what parsing it says.
    if (const auto known = expand_probe(place.text, sample(0)); !known) {
        add(place.key, known.error().message);
        return false;
    }
    for (const std::string name : {"worker", "pid"})
        if (!place.text.starts_with("unix:") && names(place.text, name)) {
            add(place.key, (name == "worker" ? "{worker} is a name such as r7-2, which"
                                             : "{pid} may be larger than 65535, so that it") +
                               std::string(" is no part of an IP address or port; ") +
                               std::string(remedy));
            return false;
        }
    for (const std::uint32_t replica : {0u, last})
        if (const auto address = place.address(sample(replica)); !address) {
            add(place.key, address.error().message, {"rollout.replicas"});
            return false;
        }
    return true;
}

bool ProbeChecker::is_shared(const Place& place) {
    const std::uint32_t replicas =
        names(place.text, "replica") ? std::min(spec_.rollout.replicas, replica_limit) : 1;
    for (std::uint32_t replica = 0; replica < std::max(replicas, 1u); ++replica) {
        const auto address = place.address(sample(replica));
        for (std::size_t i = 0; address && i < spec_.listeners.size(); ++i) {
            ListenerSpec listener = spec_.listeners[i];
            const bool own = listener.scope == ListenerScope::worker;
            if (own) {
                auto its = private_address(listener, sample(replica).worker);
                if (!its || is_ip(*its))
                    continue;
                listener.address = std::move(*its);
            }
            if ((own && place.answered) || !reaches(*address, listener))
                continue;
            add(place.key,
                own ? "the supervisor itself holds the socket of listener " + listener.name +
                          " open, so that a connect succeeds whatever the worker does; ask for an "
                          "answer: { http = \"/healthz\", listener = \"" +
                          listener.name + "\" }"
                    : quoted(format_address(*address)) + " is listener " + listener.name +
                          ", which all workers " +
                          (listener.scope == ListenerScope::revision ? "of a revision " : "") +
                          "share: another one may answer, also one of the old version; " +
                          std::string(remedy),
                join_keys(keys_of_place(i), {"rollout.replicas"}));
            return true;
        }
    }
    return false;
}

/// Only the worker that is asked can be there.
void ProbeChecker::check_own(const Place& place) {
    const bool unique = names(place.text, "worker") || names(place.text, "pid");
    const bool by_replica = names(place.text, "replica");
    if (unique)
        return;
    if (!by_replica)
        add(place.key, quoted(place.text) +
                           " is the same for every worker: another one may "
                           "answer, also one of the old version; " +
                           std::string(remedy));
    // Over a unix socket SO_PEERCRED tells who listens there (unix(7)); TCP has nothing like it.
    else if (!place.text.starts_with("unix:") &&
             spec_.rollout.strategy != rollout::Strategy::recreate)
        add(place.key,
            "while a worker is replaced there are two at its {replica}, and over TCP nothing tells "
            "which of them answers; " +
                std::string(remedy) + ", or strategy = \"recreate\"",
            {"rollout.strategy"});
}

void ProbeChecker::check_place(const Place& place) {
    if (can_be_reached(place) && !is_shared(place))
        check_own(place);
}

void ProbeChecker::check_listener(const std::string& key, const rollout::HttpProbe& http) {
    if (!http.url.starts_with('/')) {
        add(key + ".http", quoted(http.url) + " is not a path; with listener write only the path, "
                                              "such as http = \"/healthz\"");
        return;
    }
    if (auto request = probe_request(http, sample(0), Address{}); !request)
        add(key + ".http", request.error().message);
    std::vector<std::string> own;
    std::vector<std::string> names_and_places;
    for (std::size_t i = 0; i < spec_.listeners.size(); ++i) {
        names_and_places = join_keys(std::move(names_and_places), keys_of_place(i));
        const ListenerSpec& listener = spec_.listeners[i];
        if (listener.scope == ListenerScope::worker)
            own.push_back(listener.name);
        if (listener.name != http.listener)
            continue;
        if (listener.scope != ListenerScope::worker)
            add(key + ".listener",
                "all workers " +
                    std::string(listener.scope == ListenerScope::revision ? "of a revision " : "") +
                    "share listener " + listener.name +
                    ": another one may answer, also one of the old version; name a listener with "
                    "private = true",
                keys_of_place(i));
        return;
    }
    add(key + ".listener",
        "there is no listener " + quoted(http.listener) +
            (own.empty() ? std::string("; write a [[listener]] with this name and private = true")
                         : "; those with private = true are " + join(own, ", ")),
        spec_.listeners.empty() ? std::vector<std::string>{"listener"} : names_and_places);
}

void ProbeChecker::check_http(const std::string& key, const rollout::HttpProbe& http) {
    if (!http.listener.empty()) {
        check_listener(key, http);
        return;
    }
    if (http.url.starts_with('/')) {
        add(key + ".http",
            "of which socket? write listener = \"NAME\" beside it, of a [[listener]] "
            "with private = true");
        return;
    }
    // A placeholder has neither a slash nor a colon in it, so the URL falls apart where it does
    // when they are replaced.
    constexpr std::string_view scheme = "http://";
    const bool over_unix = http.url.starts_with("unix:");
    const std::size_t from = http.url.starts_with(scheme) ? scheme.size() : 0;
    const std::size_t to = over_unix ? http.url.find(":/", 6) : http.url.find_first_of("/?", from);
    check_place({key + ".http", http.url.substr(from, to == std::string::npos ? to : to - from),
                 true, [&](const ProbeTarget& target) -> Result<Address> {
                     auto request = probe_request(http, target);
                     if (!request)
                         return request.error();
                     return request->address;
                 }});
}

void ProbeChecker::check(const NamedProbe& named) {
    const rollout::ProbeSpec& probe = *named.probe;
    check_positive(probe.timeout, named.key + ".timeout", "1s", findings_);
    if (probe.interval < shortest_interval)
        add(named.key + ".interval", format_duration(probe.interval) +
                                         " is too short; write \"10ms\" or more, such as \"1s\"");
    if (const auto* exec = std::get_if<rollout::ExecHook>(&probe.what))
        check_command(exec->command, named.key + ".exec", findings_);
    if (const auto* http = std::get_if<rollout::HttpProbe>(&probe.what))
        check_http(named.key, *http);
    if (const auto* tcp = std::get_if<rollout::TcpProbe>(&probe.what))
        check_place({named.key + ".tcp", tcp->address, false,
                     [&](const ProbeTarget& target) { return probe_address(*tcp, target); }});
}

} // namespace

void find_impossible_probes(const rollout::Spec& spec, std::vector<Finding>& findings) {
    ProbeChecker checker(spec, findings);
    for (const NamedProbe& named : probes_of(spec))
        checker.check(named);
}

} // namespace svc::wire::service_file
