#include "base/address.h"

#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <optional>
#include <sys/un.h>

namespace svc {

namespace {

constexpr std::string_view right_forms =
    "write 8080, 0.0.0.0:8080, [::]:8080, udp:0.0.0.0:53, unix:/run/web.sock, unix:@name, "
    "unix-dgram:/run/web.sock, unix-seqpacket:/run/web.sock or systemd:NAME";

// One byte of sun_path ends a path and begins an abstract name (unix(7), Address format).
constexpr std::size_t unix_name_limit = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t fd_name_limit = 255; // systemd.socket(5), FileDescriptorName=

Error refuse(std::string_view text, std::string_view why) {
    return Error{'"' + printable(text, 120) +
                 "\" is not an address to listen on: " + std::string(why)};
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    if (text.empty() || text.size() > 5)
        return std::nullopt;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return std::nullopt;
    return port;
}

/// The literal as inet_ntop writes it, so that equal addresses are equal texts.
std::optional<std::string> canonical_host(int family, std::string_view literal) {
    std::array<unsigned char, sizeof(in6_addr)> binary{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::string host(literal.substr(0, INET6_ADDRSTRLEN));
    if (literal.find('\0') != std::string_view::npos ||
        ::inet_pton(family, host.c_str(), binary.data()) != 1)
        return std::nullopt;
    if (::inet_ntop(family, binary.data(), text.data(), text.size()) == nullptr)
        return std::nullopt;
    return std::string(text.data());
}

Error refuse_host(std::string_view text, std::string_view host, std::string_view prefix) {
    if (host.find(':') != std::string_view::npos && canonical_host(AF_INET6, host))
        return refuse(text, "write an IPv6 address in brackets: " + std::string(prefix) + "[" +
                                std::string(host) + "]:PORT");
    if (host == "*")
        return refuse(text, "write 0.0.0.0 for all IPv4 addresses, or [::] for all IPv6 ones");
    if (host == "localhost")
        return refuse(text, "names are not looked up; write 127.0.0.1 or [::1]");
    if (host == "tcp")
        return refuse(text, "TCP needs no prefix; write 0.0.0.0:8080");
    return refuse(text, "names are not looked up, a literal address is needed; " +
                            std::string(right_forms));
}

Result<Address> parse_ipv6(std::string_view text, std::string_view rest, SocketType type) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos || rest.substr(end + 1, 1) != ":")
        return refuse(text, "write an IPv6 address as [::]:8080");
    const std::string_view literal = rest.substr(1, end - 1);
    if (literal.find('%') != std::string_view::npos)
        return refuse(text, "a scope is not part of the address; use bind_to_device");
    const auto host = canonical_host(AF_INET6, literal);
    if (!host)
        return refuse(text, "what is in the brackets is not an IPv6 address");
    const auto port = parse_port(rest.substr(end + 2));
    if (!port)
        return refuse(text, "a port is a number from 0 to 65535");
    return Address{AddressFamily::ipv6, type, *host, *port};
}

Result<Address> parse_ip(std::string_view text, std::string_view rest, SocketType type) {
    if (rest.starts_with('['))
        return parse_ipv6(text, rest, type);
    const std::string_view prefix = text.substr(0, text.size() - rest.size());
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        if (const auto port = parse_port(rest))
            return Address{AddressFamily::ipv4, type, "0.0.0.0", *port};
        if (canonical_host(AF_INET, rest))
            return refuse(text, "its port is missing; write " + std::string(text) + ":8080");
        if (!rest.empty() && rest.find_first_not_of("0123456789") == std::string_view::npos)
            return refuse(text, "a port is a number from 0 to 65535");
        if (rest.starts_with('/') || rest.starts_with('@'))
            return refuse(text, "write unix:" + printable(rest, 100) + " for a unix socket");
        return refuse(text, right_forms);
    }
    const std::string_view literal = rest.substr(0, colon);
    const auto host = literal.empty() ? "0.0.0.0" : canonical_host(AF_INET, literal);
    if (!host) {
        const bool whole_is_ipv6 = canonical_host(AF_INET6, rest).has_value();
        return refuse_host(text, whole_is_ipv6 ? rest : literal, prefix);
    }
    const auto port = parse_port(rest.substr(colon + 1));
    if (!port)
        return refuse(text, "a port is a number from 0 to 65535");
    return Address{AddressFamily::ipv4, type, *host, *port};
}

Result<Address> parse_unix(std::string_view text, std::string_view rest, SocketType type) {
    const bool abstract = rest.starts_with('@');
    const std::string_view name = abstract ? rest.substr(1) : rest;
    if (has_control_character(name))
        return refuse(text, "it has a control character in it");
    if (name.size() > unix_name_limit)
        return refuse(text, "a unix socket's name has at most " + std::to_string(unix_name_limit) +
                                " bytes (unix(7)), this one has " + std::to_string(name.size()));
    if (abstract) {
        if (name.empty())
            return refuse(text, "the abstract name after @ is missing");
        return Address{AddressFamily::unix_abstract, type, std::string(name), 0};
    }
    if (!name.starts_with('/'))
        return refuse(text, "a unix socket's path starts with /, an abstract name with @");
    if (name.ends_with('/'))
        return refuse(text, "a unix socket's path names a file, not a directory");
    return Address{AddressFamily::unix_path, type, std::string(name), 0};
}

Result<Address> parse_systemd(std::string_view text, std::string_view name) {
    // fdname_is_valid() in systemd's src/basic/fd-util.c: printable ASCII without a colon.
    const bool valid =
        !name.empty() && name.size() <= fd_name_limit &&
        std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c < 0x7f; }) &&
        name.find(':') == std::string_view::npos;
    if (!valid)
        return refuse(text, "after systemd: comes the FileDescriptorName= of a .socket unit: 1 to "
                            "255 ASCII characters without a colon");
    return Address{AddressFamily::systemd, SocketType::stream, std::string(name), 0};
}

std::string_view unix_prefix(SocketType type) {
    switch (type) {
    case SocketType::stream:
        return "unix:";
    case SocketType::datagram:
        return "unix-dgram:";
    case SocketType::seqpacket:
        return "unix-seqpacket:";
    }
    fatal("unix_prefix: no such socket type");
}

} // namespace

Result<Address> parse_address(std::string_view text) {
    const auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
    if (text.starts_with("unix:"))
        return parse_unix(text, after("unix:"), SocketType::stream);
    if (text.starts_with("unix-dgram:"))
        return parse_unix(text, after("unix-dgram:"), SocketType::datagram);
    if (text.starts_with("unix-seqpacket:"))
        return parse_unix(text, after("unix-seqpacket:"), SocketType::seqpacket);
    if (text.starts_with("systemd:"))
        return parse_systemd(text, after("systemd:"));
    if (text.starts_with("udp:"))
        return parse_ip(text, after("udp:"), SocketType::datagram);
    return parse_ip(text, text, SocketType::stream);
}

std::string format_address(const Address& address) {
    const std::string transport =
        address.type == SocketType::datagram ? std::string("udp:") : std::string();
    switch (address.family) {
    case AddressFamily::ipv4:
        return transport + address.host + ':' + std::to_string(address.port);
    case AddressFamily::ipv6:
        return transport + '[' + address.host + "]:" + std::to_string(address.port);
    case AddressFamily::unix_path:
        return std::string(unix_prefix(address.type)) + address.host;
    case AddressFamily::unix_abstract:
        return std::string(unix_prefix(address.type)) + '@' + address.host;
    case AddressFamily::systemd:
        return "systemd:" + address.host;
    }
    fatal("format_address: no such address family");
}

bool may_exclude(const Address& one, const Address& other) {
    const auto is_wildcard = [](const Address& address) {
        return address.host == "0.0.0.0" || address.host == "::";
    };
    return is_ip(one) && is_ip(other) && one.type == other.type && one.port == other.port &&
           (one.host == other.host || is_wildcard(one) || is_wildcard(other));
}

} // namespace svc
