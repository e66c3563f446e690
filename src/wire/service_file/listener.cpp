// [[listener]]
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <limits>

namespace svc::wire {

std::string default_listener_name(const Address& address) {
    const std::string transport = address.type == SocketType::datagram ? "udp" : "tcp";
    switch (address.family) {
    case AddressFamily::ipv4:
        return transport + '-' + std::to_string(address.port);
    case AddressFamily::ipv6:
        return transport + "6-" + std::to_string(address.port);
    case AddressFamily::unix_path:
    case AddressFamily::unix_abstract:
        break;
    case AddressFamily::systemd:
        return address.host;
    }
    // LISTEN_FDNAMES is separated by colons and is ASCII (sd_listen_fds(3)).
    std::string name = address.host.substr(address.host.rfind('/') + 1);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~' || c == ':'; }, '_');
    return name;
}

namespace service_file {

namespace {

constexpr std::int64_t largest_int = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t largest_unsigned = std::numeric_limits<std::uint32_t>::max();

void read_address(Table& table, rollout::ListenerSpec& listener) {
    constexpr std::string_view example = "\"0.0.0.0:8080\"";
    const toml::node* node = table.find("address");
    if (node == nullptr) {
        table.mistakes().add(table.toml().source().begin, table.path_of("address"),
                             "where to listen is missing; write address = " + std::string(example));
        return;
    }
    std::optional<std::string> text;
    if (const auto* port = node->as_integer())
        text = std::to_string(port->get());
    else
        text = plain_string(table, "address", *node, example);
    if (!text)
        return;
    auto address = parse_address(*text);
    if (address)
        listener.address = std::move(*address);
    else
        table.refuse("address", address.error().message);
}

void read_mode(Table& table, std::optional<std::uint32_t>& mode) {
    const toml::node* node = table.find("mode");
    if (node == nullptr)
        return;
    const auto text = plain_string(table, "mode", *node, "\"0660\"");
    if (!text)
        return;
    const auto bits = parse_octal(*text, 0777);
    if (bits)
        mode = *bits;
    else
        table.refuse("mode", quoted(*text) + " is not an octal mode from \"0000\" to \"0777\"; "
                                             "write mode = \"0660\"");
}

/// "5s", or seconds: TCP_DEFER_ACCEPT counts in seconds (tcp(7)).
void read_defer_accept(Table& table, std::optional<std::uint32_t>& into) {
    constexpr std::string_view key = "defer_accept";
    constexpr std::int64_t most = 3600;
    const toml::node* node = table.find("defer_accept");
    if (node == nullptr)
        return;
    if (node->is_integer()) {
        table.read_integer(key, into, 1, most);
        return;
    }
    Duration duration{};
    if (!table.read_duration(key, duration, "\"5s\""))
        return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    if (seconds != duration || seconds.count() < 1 || seconds.count() > most)
        table.refuse(key, format_duration(duration) +
                              " is out of range; write whole seconds from \"1s\" to \"1h\"");
    else
        into = static_cast<std::uint32_t>(seconds.count());
}

void read_scope(Table& table, rollout::ListenerScope& scope) {
    bool own = false;
    bool preview = false;
    table.read_bool("private", own);
    table.read_bool("preview", preview);
    if (own && preview)
        table.refuse("preview", "a listener is each worker's own (private) or each revision's "
                                "(preview); take one of them out");
    else if (own)
        scope = rollout::ListenerScope::worker;
    else if (preview)
        scope = rollout::ListenerScope::revision;
}

void read_listener(Table& table, rollout::ListenerSpec& listener) {
    ListenerOptions& options = listener.options;
    read_address(table, listener);
    if (!table.read_string("name", listener.name, "\"http\"") && !table.has("name") &&
        !table.mistakes().about(table.path_of("address")))
        listener.name = default_listener_name(listener.address);
    table.read_bool("v6only", options.v6only);
    table.read_bool("reuse_port", options.reuse_port);
    table.read_bool("free_bind", options.free_bind);
    table.read_bool("transparent", options.transparent);
    table.read_string("bind_to_device", options.bind_to_device, "\"eth0\"");
    table.read_bool("nonblock", options.nonblock);
    read_mode(table, options.mode);
    table.read_string("owner", options.owner, "\"web\"");
    table.read_string("group", options.group, "\"www-data\"");
    table.read_integer("backlog", options.backlog, 1, largest_int);
    table.read_integer("tcp_fastopen", options.tcp_fastopen, 1, largest_int);
    read_defer_accept(table, options.defer_accept);
    table.read_bool("keepalive", options.keepalive);
    table.read_bool("nodelay", options.nodelay);
    table.read_size("receive_buffer", options.receive_buffer, "\"256K\"");
    table.read_size("send_buffer", options.send_buffer, "\"256K\"");
    table.read_integer("mark", options.mark, 0, largest_unsigned);
    read_scope(table, listener.scope);
    table.finish();
}

} // namespace

void read_listeners(Table& root, std::vector<rollout::ListenerSpec>& listeners) {
    constexpr std::string_view table_name = "listener";
    const toml::node* node = root.find(table_name);
    if (node == nullptr)
        return;
    const toml::array* list = node->as_array();
    if (list == nullptr) {
        root.refuse("listener", node->is_table()
                                    ? "there may be several listeners; write [[listener]] with "
                                      "two brackets"
                                    : std::string(type_name(*node)) +
                                          " stands here; write a table [[listener]]");
        return;
    }
    if (list->size() > listener_limit) {
        root.refuse("listener", std::to_string(list->size()) + " listeners are too many; at most " +
                                    std::to_string(listener_limit) + " can be passed to a worker");
        return;
    }
    listeners.resize(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        const toml::node& element = *list->get(i);
        const std::string path = "listener[" + std::to_string(i + 1) + ']';
        if (const toml::table* inner = element.as_table()) {
            Table table(*inner, path, root.mistakes());
            read_listener(table, listeners[i]);
        } else {
            root.refuse_at(element, path,
                           std::string(type_name(element)) +
                               " stands here; write a table [[listener]]");
        }
    }
}

} // namespace service_file
} // namespace svc::wire
