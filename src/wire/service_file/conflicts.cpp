// What a reload asks of an open socket that only a new one could give.
#include "wire/service_file.h"

#include "base/text.h"

#include <unordered_map>

namespace svc::wire {

namespace {

using rollout::ListenerSpec;

std::vector<std::string> differences(const ListenerOptions& a, const ListenerOptions& b) {
    std::vector<std::string> keys;
    // One option at a time, so that same_creation() alone knows what a default is worth.
    const auto compare = [&](std::string_view key, auto member) {
        ListenerOptions one;
        ListenerOptions other;
        one.*member = a.*member;
        other.*member = b.*member;
        if (!same_creation(one, other))
            keys.emplace_back(key);
    };
    compare("v6only", &ListenerOptions::v6only);
    compare("reuse_port", &ListenerOptions::reuse_port);
    compare("free_bind", &ListenerOptions::free_bind);
    compare("transparent", &ListenerOptions::transparent);
    compare("bind_to_device", &ListenerOptions::bind_to_device);
    compare("nonblock", &ListenerOptions::nonblock);
    compare("mode", &ListenerOptions::mode);
    compare("owner", &ListenerOptions::owner);
    compare("group", &ListenerOptions::group);
    return keys;
}

} // namespace

std::string listener_identity(const ListenerSpec& listener) {
    const Address& address = listener.address;
    if (listener.scope == rollout::ListenerScope::worker)
        return "private " + format_address(address) + ' ' + listener.name;
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6:
        if (address.port == 0)
            return format_address(address) + ' ' + listener.name;
        break;
    case AddressFamily::unix_path:
        return "path " + address.host; // whatever its type: the path is taken
    case AddressFamily::unix_abstract:
    case AddressFamily::systemd:
        break;
    }
    return format_address(address);
}

std::vector<std::string> creation_conflicts(const rollout::Spec& open, const rollout::Spec& next) {
    std::unordered_map<std::string, const ListenerSpec*> known;
    for (const ListenerSpec& listener : open.listeners)
        known.emplace(listener_identity(listener), &listener);
    std::vector<std::string> conflicts;
    for (const ListenerSpec& listener : next.listeners) {
        const auto found = known.find(listener_identity(listener));
        if (found == known.end())
            continue;
        // Each worker's own is made anew with the worker.
        if (listener.scope == rollout::ListenerScope::worker)
            continue;
        const ListenerSpec& before = *found->second;
        std::vector<std::string> keys = differences(before.options, listener.options);
        if (before.scope != listener.scope)
            keys.emplace_back("preview");
        if (before.address.type != listener.address.type)
            keys.emplace_back("the socket type");
        if (keys.empty())
            continue;
        conflicts.push_back("listener " + listener.name + " (" + format_address(listener.address) +
                            "): " + join(keys, ", ") +
                            " cannot change while the socket is open; change it back, give the "
                            "listener another address, or stop the service and start it again");
    }
    return conflicts;
}

} // namespace svc::wire
