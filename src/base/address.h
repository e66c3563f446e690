// Where a listener listens: the text of a service file, parsed. Pure: no name is resolved.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace svc {

enum class AddressFamily { ipv4, ipv6, unix_path, unix_abstract, systemd };
enum class SocketType { stream, datagram, seqpacket };

/// "0.0.0.0:8080", "[::]:443", "8080" and ":8080" (all IPv4 addresses), "localhost:80" is refused:
/// literal addresses only, a supervisor does not wait for DNS), "unix:/run/web.sock",
/// "unix:@abstract", "udp:0.0.0.0:53", "unix-dgram:/run/x", "unix-seqpacket:/run/x", "systemd:NAME"
/// (a socket handed in by systemd under that FileDescriptorName).
struct Address {
    AddressFamily family = AddressFamily::ipv4;
    SocketType type = SocketType::stream;
    std::string
        host; ///< canonical literal (inet_ntop), the path, the abstract name, or systemd's NAME
    std::uint16_t port = 0; ///< IP only; 0: the kernel picks one and the socket keeps it

    bool operator==(const Address&) const = default;
};

Result<Address> parse_address(std::string_view text);
/// The text that parse_address reads back: "0.0.0.0:8080", "udp:[::1]:53", "unix:/run/web.sock".
std::string format_address(const Address& address);

inline bool is_ip(const Address& address) {
    return address.family == AddressFamily::ipv4 || address.family == AddressFamily::ipv6;
}
/// Whether one of two sockets may keep the other from its port: a wildcard address covers all, the
/// one of IPv6 those of IPv4 too (ip(7), ipv6(7)).
bool may_exclude(const Address& one, const Address& other);

} // namespace svc
