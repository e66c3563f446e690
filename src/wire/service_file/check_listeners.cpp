// Listeners that cannot be, alone or beside each other.
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <net/if.h>
#include <unordered_map>

namespace svc::wire::service_file {

namespace {

using rollout::ListenerSpec;

constexpr std::size_t name_limit = 255; // sd_listen_fds(3): FDNAME

/// An option that was asked for, and where it makes sense.
struct OptionUse {
    std::string_view key;
    bool asked = false;
    bool sensible = false;
    std::string_view where; ///< "only on a TCP listener"
};

struct Kind {
    bool ip = false;
    bool tcp = false;
    bool datagram = false;
    bool path = false;
    bool inherited = false; ///< from systemd: of a kind that only the open socket tells
};

Kind kind_of(const Address& address) {
    Kind kind;
    kind.datagram = address.type == SocketType::datagram;
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6:
        kind.ip = true;
        kind.tcp = address.type == SocketType::stream;
        break;
    case AddressFamily::unix_path:
        kind.path = true;
        break;
    case AddressFamily::unix_abstract:
        break;
    case AddressFamily::systemd:
        kind.inherited = true;
        break;
    }
    return kind;
}

void check_options(const ListenerSpec& listener, const std::string& path,
                   std::vector<Finding>& findings) {
    const ListenerOptions& options = listener.options;
    const Kind kind = kind_of(listener.address);
    const bool ipv6 = listener.address.family == AddressFamily::ipv6;
    const bool tcp = kind.tcp || kind.inherited;
    constexpr std::string_view on_ip = "only on a TCP or UDP listener";
    constexpr std::string_view on_tcp = "only on a TCP listener";
    constexpr std::string_view on_path = "only on a unix socket with a path";
    const std::array uses{
        OptionUse{"v6only", options.v6only.has_value(), ipv6, "only on an IPv6 listener"},
        OptionUse{"reuse_port", options.reuse_port, kind.ip, on_ip},
        OptionUse{"free_bind", options.free_bind, kind.ip, on_ip},
        OptionUse{"transparent", options.transparent, kind.ip, on_ip},
        OptionUse{"bind_to_device", !options.bind_to_device.empty(), kind.ip, on_ip},
        OptionUse{"nonblock", options.nonblock, !kind.inherited, "only on a socket of svc's own"},
        OptionUse{"mode", options.mode.has_value(), kind.path, on_path},
        OptionUse{"owner", !options.owner.empty(), kind.path, on_path},
        OptionUse{"group", !options.group.empty(), kind.path, on_path},
        OptionUse{"backlog", options.backlog.has_value(), !kind.datagram,
                  "only on a listener that takes connections"},
        OptionUse{"tcp_fastopen", options.tcp_fastopen.has_value(), tcp, on_tcp},
        OptionUse{"defer_accept", options.defer_accept.has_value(), tcp, on_tcp},
        OptionUse{"keepalive", options.keepalive.has_value(), tcp, on_tcp},
        OptionUse{"nodelay", options.nodelay.has_value(), tcp, on_tcp},
        OptionUse{"mark", options.mark.has_value(), kind.ip || kind.inherited, on_ip},
    };
    for (const OptionUse& use : uses) {
        if (!use.asked || use.sensible)
            continue;
        std::string message = std::string(use.key) + " has a meaning " + std::string(use.where) +
                              ", not on " + quoted(format_address(listener.address));
        if (kind.inherited)
            message += ": what systemd made is set in its .socket unit (systemd.socket(5))";
        message += "; take it out";
        findings.push_back(
            Finding{path + '.' + std::string(use.key), {path + ".address"}, std::move(message)});
    }
}

void check_device(const ListenerSpec& listener, const std::string& path,
                  std::vector<Finding>& findings) {
    const std::string& device = listener.options.bind_to_device;
    const bool wrong = device.size() >= IFNAMSIZ || device == "." || device == ".." ||
                       std::any_of(device.begin(), device.end(),
                                   [](char c) { return c <= ' ' || c > '~' || c == '/'; });
    if (wrong)
        findings.push_back(Finding{path + ".bind_to_device",
                                   {},
                                   quoted(device) + " is not a network device's name (at most 15 "
                                                    "characters); ip link lists them"});
}

void check_name(const ListenerSpec& listener, const std::string& path,
                std::vector<Finding>& findings) {
    const std::string& name = listener.name;
    std::string message;
    if (name.empty())
        message = "its name is empty; write name = \"http\"";
    else if (name.size() > name_limit)
        message = "a name has at most 255 bytes, this one has " + std::to_string(name.size());
    else if (name.find(':') != std::string::npos)
        message = quoted(name) + " has a colon in it, which separates the names in LISTEN_FDNAMES; "
                                 "write it without";
    else if (std::any_of(name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }))
        message = quoted(name) + " has a space or a character that is not printable ASCII; write "
                                 "letters, digits and -";
    // libsystemd gives these names to sockets without one, and some libraries skip them.
    else if (name == "unknown" || name == "stored" || name == "connection")
        message = quoted(name) + " is a name that systemd uses for other things; write another one";
    if (!message.empty())
        findings.push_back(Finding{path + ".name", {path + ".address"}, std::move(message)});
}

/// What must not be bound twice; empty if it may be.
std::string bound_place(const Address& address) {
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6:
        return address.port == 0 ? std::string() : format_address(address);
    case AddressFamily::unix_path:
        return "unix:" + address.host; // one path is one socket, whatever its type
    case AddressFamily::unix_abstract:
    case AddressFamily::systemd:
        return format_address(address);
    }
    fatal("bound_place: no such address family");
}

std::string path_of_listener(std::size_t index) {
    return "listener[" + std::to_string(index + 1) + ']';
}

using FirstUses = std::unordered_map<std::string, std::size_t>;

void check_doubles(const ListenerSpec& listener, std::size_t index, FirstUses& names,
                   FirstUses& places, std::vector<Finding>& findings) {
    const std::string path = path_of_listener(index);
    const auto [name, new_name] = names.emplace(listener.name, index);
    if (!new_name && !listener.name.empty()) {
        const std::string first = path_of_listener(name->second);
        findings.push_back(Finding{path + ".name",
                                   {path + ".address", first + ".name", first + ".address"},
                                   quoted(listener.name) + " is the name of listener " +
                                       std::to_string(name->second + 1) +
                                       " too; a worker tells its sockets apart by name: give each "
                                       "its own"});
    }
    const std::string where = bound_place(listener.address);
    if (where.empty())
        return;
    const auto [place, new_place] = places.emplace(where, index);
    if (!new_place)
        findings.push_back(
            Finding{path + ".address",
                    {path_of_listener(place->second) + ".address"},
                    quoted(format_address(listener.address)) + " is bound by listener " +
                        std::to_string(place->second + 1) + " already; take one of them out"});
}

} // namespace

void find_impossible_listeners(const rollout::Spec& spec, std::vector<Finding>& findings) {
    if (spec.listeners.size() > listener_limit) {
        findings.push_back(
            Finding{"listener",
                    {},
                    std::to_string(spec.listeners.size()) + " listeners are too many; at most " +
                        std::to_string(listener_limit) + " can be passed to a worker"});
        return;
    }
    FirstUses names;
    FirstUses places;
    for (std::size_t i = 0; i < spec.listeners.size(); ++i) {
        const ListenerSpec& listener = spec.listeners[i];
        const std::string path = path_of_listener(i);
        check_name(listener, path, findings);
        check_options(listener, path, findings);
        check_device(listener, path, findings);
        check_doubles(listener, i, names, places, findings);
    }
}

} // namespace svc::wire::service_file
