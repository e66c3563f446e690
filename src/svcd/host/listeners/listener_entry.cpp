#include "svcd/host/listeners/listener_entry.h"

#include "base/text.h"
#include "os/listener_load.h"
#include "wire/service_file.h"

#include <cerrno>

namespace svc::daemon {

std::vector<int> ListenerEntry::fds() const {
    std::vector<int> result;
    for (const Inherited* one : inherited)
        result.push_back(one->socket.get());
    for (const auto& socket : sockets)
        result.push_back(socket.get());
    return result;
}

std::uint32_t ListenerEntry::backlog() const {
    if (address.type == SocketType::datagram)
        return 0;
    if (address.family != AddressFamily::systemd)
        return options.backlog.value_or(default_backlog);
    std::uint32_t result = 0;
    each([&](int, const ListenerOptions& wished) { result = wished.backlog.value_or(0); });
    return result;
}

void show_load(const ListenerEntry& entry, wire::ListenerStatus& status) {
    const auto add = [](std::optional<std::uint64_t>& sum,
                        const std::optional<std::uint64_t>& more) {
        if (more)
            sum = sum.value_or(0) + *more;
    };
    for (const int fd : entry.fds()) {
        const auto bound = os::bound_address(fd); // one of systemd's says only by itself what it is
        const os::ListenerLoad load = os::listener_load(fd, bound ? *bound : entry.address);
        add(status.queue, load.queue);
        add(status.drops, load.drops);
    }
}

InheritedByName inherit(std::map<std::string, std::vector<UniqueFd>> passed) {
    InheritedByName result;
    for (auto& [name, sockets] : passed) {
        Address address;
        address.family = AddressFamily::systemd;
        address.host = name;
        for (auto& socket : sockets) {
            // Before the first worker can have changed it.
            const auto backlog = os::backlog_of(socket.get(), address);
            result[name].push_back(Inherited{std::move(socket), backlog});
        }
    }
    return result;
}

Address bound_address_of(const ListenerEntry& entry) {
    if (is_ip(entry.address) && entry.address.port == 0 && !entry.sockets.empty())
        if (auto bound = os::bound_address(entry.sockets.front().get()))
            return std::move(*bound);
    return entry.address;
}

bool is_held_here(const rollout::ListenerSpec& listener) {
    return listener.scope != rollout::ListenerScope::worker;
}

bool is_of_revision(const rollout::ListenerSpec& listener) {
    return listener.scope == rollout::ListenerScope::revision;
}

std::string identity_of(const rollout::ListenerSpec& listener, rollout::RevisionNumber revision) {
    const std::string identity = wire::listener_identity(listener);
    return is_of_revision(listener) ? identity + " of " + std::to_string(revision) : identity;
}

Error held_by_our_own(const rollout::ListenerSpec& wanted, const ListenerEntry& holder) {
    return Error{"listener " + wanted.name + ": cannot open " + format_address(wanted.address) +
                     ": this service's own listener " + holder.name + " holds port " +
                     std::to_string(wanted.address.port) + " at " +
                     format_address(bound_address_of(holder)) +
                     " for as long as the old workers need it; take another port, or stop the "
                     "service and start it again",
                 EADDRINUSE};
}

std::string damage_text(const os::Damage& damage) {
    std::vector<std::string> parts;
    if (damage.shut_down)
        parts.emplace_back("a worker shut it down; it listens again");
    if (damage.backlog_shrunk)
        parts.emplace_back("a worker shrank its backlog; it is put back");
    if (damage.path_gone)
        parts.emplace_back("a worker removed or replaced its path; it is put back");
    if (damage.connected)
        parts.emplace_back("a worker connected it to one peer; that is undone");
    return join(parts, "; ");
}

} // namespace svc::daemon
