#include "svcd/host/listeners/private_listeners.h"

#include "os/files.h"
#include "os/listener_socket.h"
#include "wire/probe_target.h"

namespace svc::daemon {

std::string listener_variable(const std::string& name) {
    std::string variable = "SVC_LISTENER_";
    for (const char character : name) {
        const bool lower = character >= 'a' && character <= 'z';
        const bool kept =
            (character >= 'A' && character <= 'Z') || (character >= '0' && character <= '9');
        variable += lower ? static_cast<char>(character - 'a' + 'A') : kept ? character : '_';
    }
    return variable;
}

Result<UniqueFd> PrivateListeners::open(const rollout::ListenerSpec& listener) {
    auto own = wire::private_address(listener, worker_);
    if (!own)
        return Error{"listener " + listener.name + ": " + own.error().message};
    Address address = std::move(*own);
    auto socket = os::open_listener(address, listener.options);
    if (!socket)
        return Error{"listener " + listener.name + ": " + socket.error().message,
                     socket.error().code};
    if (address.family == AddressFamily::unix_path) {
        // Without a link the path is removed all the same, but only once nobody has the socket open.
        auto made = os::make_directories(links_, 0700);
        auto kept = made ? os::keep_private_link(address, link_of(listener.name))
                         : Result<std::string>(made.error());
        link_paths_[listener.name] = kept ? std::move(*kept) : std::string();
    } else if (address.family != AddressFamily::unix_abstract) {
        const auto bound = os::bound_address(socket->get());
        if (!bound)
            return bound.error();
        address = *bound;
    }
    addresses_[listener.name] = std::move(address);
    return socket;
}

std::vector<wire::PrivateListenerRecord> PrivateListeners::records() const {
    std::vector<wire::PrivateListenerRecord> result;
    for (const auto& [name, address] : addresses_) {
        const auto link = link_paths_.find(name);
        result.push_back({name, address, link == link_paths_.end() ? "" : link->second});
    }
    return result;
}

void PrivateListeners::take_over(const std::vector<wire::PrivateListenerRecord>& records) {
    for (const auto& record : records) {
        addresses_[record.name] = record.address;
        if (record.address.family != AddressFamily::unix_path)
            continue;
        // It is unlinked one day: only what open() would have made.
        const bool ours = record.link_path == link_of(record.name) ||
                          record.link_path == os::link_beside(record.address.host);
        link_paths_[record.name] = ours ? record.link_path : std::string();
    }
}

void PrivateListeners::remove() {
    for (const auto& [name, link] : link_paths_)
        os::remove_unix_paths(addresses_.at(name), link);
    link_paths_.clear();
}

std::vector<std::string> PrivateListeners::environment() const {
    std::vector<std::string> result;
    for (const auto& [name, address] : addresses_)
        result.push_back(listener_variable(name) + "=" + format_address(address));
    return result;
}

} // namespace svc::daemon
