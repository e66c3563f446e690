#include "base/address.h"

#include <doctest/doctest.h>

#include <string>

using svc::Address;
using svc::AddressFamily;
using svc::format_address;
using svc::parse_address;
using svc::SocketType;
using namespace std::string_literals;

namespace {

Address parsed(std::string_view text) {
    const auto address = parse_address(text);
    REQUIRE_MESSAGE(address.ok(), text);
    return address.value();
}

std::string refusal(std::string_view text) {
    const auto address = parse_address(text);
    REQUIRE_FALSE_MESSAGE(address.ok(), text);
    return address.error().message;
}

} // namespace

TEST_CASE("a port alone means all IPv4 addresses") {
    const Address expected{AddressFamily::ipv4, SocketType::stream, "0.0.0.0", 8080};
    CHECK(parsed("8080") == expected);
    CHECK(parsed(":8080") == expected);
    CHECK(parsed("0.0.0.0:8080") == expected);
}

TEST_CASE("IP addresses are read in their canonical form") {
    CHECK(parsed("127.0.0.1:0") ==
          Address{AddressFamily::ipv4, SocketType::stream, "127.0.0.1", 0});
    CHECK(parsed("[0:0::0]:443") == Address{AddressFamily::ipv6, SocketType::stream, "::", 443});
    CHECK(parsed("[2001:DB8::1]:65535") ==
          Address{AddressFamily::ipv6, SocketType::stream, "2001:db8::1", 65535});
    CHECK(parsed("udp:0.0.0.0:53") ==
          Address{AddressFamily::ipv4, SocketType::datagram, "0.0.0.0", 53});
    CHECK(parsed("udp:53") == Address{AddressFamily::ipv4, SocketType::datagram, "0.0.0.0", 53});
    CHECK(parsed("udp:[::1]:53") == Address{AddressFamily::ipv6, SocketType::datagram, "::1", 53});
}

TEST_CASE("unix and systemd sockets are read") {
    CHECK(parsed("unix:/run/web.sock") ==
          Address{AddressFamily::unix_path, SocketType::stream, "/run/web.sock", 0});
    CHECK(parsed("unix:@web:1") ==
          Address{AddressFamily::unix_abstract, SocketType::stream, "web:1", 0});
    CHECK(parsed("unix-dgram:/run/log") ==
          Address{AddressFamily::unix_path, SocketType::datagram, "/run/log", 0});
    CHECK(parsed("unix-seqpacket:@bus") ==
          Address{AddressFamily::unix_abstract, SocketType::seqpacket, "bus", 0});
    CHECK(parsed("systemd:web.socket") ==
          Address{AddressFamily::systemd, SocketType::stream, "web.socket", 0});
}

TEST_CASE("every address that is read is written so that it reads back equal") {
    for (const char* text :
         {"0.0.0.0:8080", "[::]:443", "udp:[::1]:53", "udp:0.0.0.0:53", "unix:/run/web.sock",
          "unix:@abstract", "unix-dgram:/run/x", "unix-dgram:@x", "unix-seqpacket:/run/x",
          "unix-seqpacket:@x", "systemd:NAME", "[::ffff:1.2.3.4]:80"}) {
        CAPTURE(std::string(text));
        CHECK(format_address(parsed(text)) == text);
        CHECK(parsed(format_address(parsed(text))) == parsed(text));
    }
}

TEST_CASE("what is not an address is refused") {
    for (const char* text : {"",
                             ":",
                             "65536",
                             "-1",
                             "0.0.0.0:65536",
                             "0.0.0.0:",
                             "0.0.0.0:80x",
                             "1.2.3:80",
                             "1.2.3.4.5:80",
                             "[::]",
                             "[::]443",
                             "[::]:",
                             "[:::]:1",
                             "[]:1",
                             "[fe80::1%lo]:80",
                             "[1.2.3.4]:80",
                             "unix:",
                             "unix:@",
                             "unix:relative",
                             "unix:/run/",
                             "unix:/a\nb",
                             "unix-dgram:",
                             "systemd:",
                             "systemd:a:b",
                             "systemd:\xc3\xa4",
                             "udp:",
                             "udp:unix:/x",
                             "0.0.0.0:+80",
                             "0.0.0.0: 80",
                             "000080"}) {
        CAPTURE(std::string(text));
        CHECK_FALSE(parse_address(text).ok());
    }
    CHECK_FALSE(parse_address("127.0.0.1\0:80"s).ok());
    CHECK_FALSE(parse_address("unix:/a\0b"s).ok());
    CHECK_FALSE(parse_address(std::string(1 << 20, '1')).ok());
}

TEST_CASE("a refusal says what would be right") {
    CHECK(refusal("localhost:80") ==
          "\"localhost:80\" is not an address to listen on: names are not looked up; write "
          "127.0.0.1 or [::1]");
    CHECK(refusal("0.0.0.0").find("write 0.0.0.0:8080") != std::string::npos);
    CHECK(refusal("::1").find("write an IPv6 address in brackets: [::1]:PORT") !=
          std::string::npos);
    CHECK(refusal("*:80").find("write 0.0.0.0") != std::string::npos);
    CHECK(refusal("/run/web.sock").find("write unix:/run/web.sock") != std::string::npos);
    CHECK(refusal("tcp:80").find("TCP needs no prefix") != std::string::npos);
}

TEST_CASE("a unix name that does not fit into sun_path is refused") {
    CHECK(parse_address("unix:/" + std::string(106, 'a')).ok());
    CHECK(refusal("unix:/" + std::string(107, 'a')).find("at most 107 bytes") != std::string::npos);
    CHECK(parse_address("unix:@" + std::string(107, 'a')).ok());
    CHECK_FALSE(parse_address("unix:@" + std::string(108, 'a')).ok());
}
