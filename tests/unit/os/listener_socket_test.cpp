#include "os/listener_socket.h"

#include "support.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

using namespace svc;
using namespace svc::test;

namespace {

int int_option(int fd, int level, int name) {
    int value = -1;
    socklen_t length = sizeof(value);
    REQUIRE(::getsockopt(fd, level, name, &value, &length) == 0);
    return value;
}

bool has_ipv6() {
    const UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 loopback{};
    loopback.sin6_family = AF_INET6;
    loopback.sin6_addr = in6addr_loopback;
    if (fd && ::bind(fd.get(), reinterpret_cast<sockaddr*>(&loopback), sizeof(loopback)) == 0)
        return true;
    MESSAGE("skipped: no IPv6 loopback here");
    return false;
}

} // namespace

TEST_CASE("every kind of listener lets a client in, at the address that it reports") {
    const OpenDirectory directory;
    const std::string abstract = "@svc-test-" + std::to_string(::getpid());
    for (const std::string& text :
         {std::string("127.0.0.1:0"), std::string("udp:127.0.0.1:0"),
          "unix:" + (directory / "stream"), "unix-dgram:" + (directory / "datagram"),
          "unix-seqpacket:" + (directory / "seqpacket"), "unix:" + abstract,
          "unix-dgram:" + abstract + "-d", "unix-seqpacket:" + abstract + "-s"}) {
        CAPTURE(text);
        const Address address = address_of(text);
        const UniqueFd fd = open_or_fail(text);
        const auto bound = os::bound_address(fd.get());
        REQUIRE(bound.ok());
        CHECK(bound->family == address.family);
        CHECK(bound->type == address.type);
        CHECK(bound->host == address.host);
        if (address.family == AddressFamily::ipv4)
            CHECK(bound->port != 0);
        CHECK(serves(fd.get(), *bound));
        CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0);
    }
}

TEST_CASE("nonblock makes the socket so") {
    const UniqueFd fd = open_or_fail("127.0.0.1:0", {.nonblock = true});
    CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("an IPv6 listener is for IPv6 only unless v6only is false") {
    if (!has_ipv6())
        return;
    const UniqueFd loopback = open_or_fail("[::1]:0");
    CHECK(serves(loopback.get(), *os::bound_address(loopback.get())));

    const UniqueFd only = open_or_fail("[::]:0");
    CHECK(int_option(only.get(), IPPROTO_IPV6, IPV6_V6ONLY) == 1);
    const UniqueFd both = open_or_fail("[::]:0", {.v6only = false});
    Address over_ipv4 = address_of("127.0.0.1:0");
    over_ipv4.port = os::bound_address(both.get())->port;
    CHECK(serves(both.get(), over_ipv4));
}

TEST_CASE("a port that the kernel picked is bound by its number, and survives a shutdown") {
    // Bound to 0 itself, the socket comes back from shutdown() and listen() at another port.
    const UniqueFd fd = open_or_fail("127.0.0.1:0");
    const auto before = os::bound_address(fd.get());
    REQUIRE(::shutdown(fd.get(), SHUT_RDWR) == 0);
    REQUIRE(::listen(fd.get(), 16) == 0);
    CHECK(*os::bound_address(fd.get()) == *before);
}

TEST_CASE("a UDP port that the kernel picked survives connect() and belongs to one process only") {
    const UniqueFd fd = open_or_fail("udp:127.0.0.1:0");
    const auto before = os::bound_address(fd.get());
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_REUSEADDR) == 0);
    const auto to = os::to_socket_address(*before, "");
    REQUIRE(::connect(fd.get(), to->get(), to->length) == 0);
    sockaddr nobody_at_all{};
    REQUIRE(::connect(fd.get(), &nobody_at_all, sizeof(nobody_at_all)) == 0);
    CHECK(*os::bound_address(fd.get()) == *before);
}

TEST_CASE("the options asked for are set on the socket") {
    const UniqueFd fd = open_or_fail("127.0.0.1:0", {.reuse_port = true,
                                                     .free_bind = true,
                                                     .backlog = 77,
                                                     .tcp_fastopen = 5,
                                                     .defer_accept = 3,
                                                     .keepalive = true,
                                                     .nodelay = true,
                                                     .receive_buffer = 65536,
                                                     .send_buffer = 32768});
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_REUSEADDR) == 1);
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_REUSEPORT) == 1);
    CHECK(int_option(fd.get(), IPPROTO_IP, IP_FREEBIND) == 1);
    CHECK(int_option(fd.get(), IPPROTO_TCP, TCP_FASTOPEN) == 5);
    CHECK(int_option(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 3);
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(int_option(fd.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_RCVBUF) == 2 * 65536);
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_SNDBUF) == 2 * 32768);
    tcp_info info{};
    socklen_t length = sizeof(info);
    REQUIRE(::getsockopt(fd.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
    CHECK(info.tcpi_sacked == 77);
}

TEST_CASE("live options change an open socket, and unset ones stay as they are") {
    const UniqueFd fd = open_or_fail("127.0.0.1:0", {.keepalive = true});
    const auto address = *os::bound_address(fd.get());
    REQUIRE(os::apply_live_options(fd.get(), address, {.backlog = 33, .nodelay = true}).ok());
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(int_option(fd.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    tcp_info info{};
    socklen_t length = sizeof(info);
    REQUIRE(::getsockopt(fd.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
    CHECK(info.tcpi_sacked == 33);
    REQUIRE(os::apply_live_options(fd.get(), address, {.keepalive = false}).ok());
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 0);
}

TEST_CASE("live options know what a socket from systemd is by looking at it") {
    const Address named = address_of("systemd:web");
    const UniqueFd tcp = open_or_fail("127.0.0.1:0");
    CHECK(os::apply_live_options(tcp.get(), named, {.backlog = 9, .nodelay = true}).ok());
    CHECK(int_option(tcp.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    const UniqueFd udp = open_or_fail("udp:127.0.0.1:0");
    CHECK(os::apply_live_options(udp.get(), named, {}).ok());
    CHECK_FALSE(os::apply_live_options(udp.get(), named, {.nodelay = true}).ok());
    CHECK(contains(refused("systemd:web"), ".socket unit"));
}

TEST_CASE("an option that an address does not have is refused") {
    const OpenDirectory directory;
    const std::string path = "unix:" + (directory / "s");
    CHECK(contains(refused("127.0.0.1:0", {.v6only = true}), "only for IPv6"));
    CHECK(contains(refused("127.0.0.1:0", {.mode = 0600}), "only for the paths of unix sockets"));
    CHECK(contains(refused("udp:127.0.0.1:0", {.nodelay = true}), "nodelay"));
    CHECK(contains(refused(path, {.defer_accept = 1}), "only for TCP"));
    CHECK(contains(refused(path, {.reuse_port = true}), "reuse_port"));
    CHECK_FALSE(std::filesystem::exists(directory / "s"));
}

TEST_CASE("privileged options work as root") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    const UniqueFd fd = open_or_fail(
        "127.0.0.1:0",
        {.transparent = true, .bind_to_device = "lo", .receive_buffer = 64 << 20, .mark = 7});
    CHECK(int_option(fd.get(), IPPROTO_IP, IP_TRANSPARENT) == 1);
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_MARK) == 7);
    CHECK(int_option(fd.get(), SOL_SOCKET, SO_RCVBUF) == 2 * (64 << 20));
    CHECK(serves(fd.get(), *os::bound_address(fd.get())));
    CHECK(contains(refused("127.0.0.1:0", {.bind_to_device = "nosuchdevice0"}), "ip link"));
}

TEST_CASE("without the privilege an option's error names the capability") {
    CHECK(in_unprivileged_child([] {
              const auto says = [](const ListenerOptions& options, const std::string& part) {
                  const auto fd = os::open_listener(*parse_address("127.0.0.1:0"), options);
                  return expect(!fd.ok() && fd.error().code == EPERM &&
                                    fd.error().message.find(part) != std::string::npos,
                                part + " in: " + (fd.ok() ? "success" : fd.error().message));
              };
              const bool mark = says({.mark = 1}, "CAP_NET_RAW");
              const bool transparent = says({.transparent = true}, "CAP_NET_RAW");
              const bool buffer = says({.receive_buffer = 1'000'000'000}, "net.core.rmem_max");
              return mark && transparent && buffer;
          }) == 0);
}

TEST_CASE("a port in use: the error says how to find its owner") {
    const UniqueFd tcp = open_or_fail("127.0.0.1:0");
    const auto tcp_at = *os::bound_address(tcp.get());
    const std::string port = std::to_string(tcp_at.port);
    CHECK(refused(format_address(tcp_at)) ==
          "cannot bind 127.0.0.1:" + port +
              ": Address already in use; find its owner with: ss -ltnp 'sport = :" + port + "'");
    const UniqueFd udp = open_or_fail("udp:127.0.0.1:0");
    CHECK(contains(refused(format_address(*os::bound_address(udp.get()))), "ss -lunp"));
}

TEST_CASE("a port whose last connections are in TIME_WAIT can be bound at once") {
    UniqueFd listener = open_or_fail("127.0.0.1:0");
    const auto address = *os::bound_address(listener.get());
    const UniqueFd client = connect_to(address);
    UniqueFd accepted = accept_from(listener.get());
    accepted.reset(); // the listener's side closes first: its port has the TIME_WAIT
    char byte;
    REQUIRE(::recv(client.get(), &byte, 1, 0) == 0);
    listener.reset();
    CHECK(os::open_listener(address, {}).ok());
}

TEST_CASE("an address of another machine is refused with the remedy, and free_bind is that") {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    CHECK(contains(refused("192.0.2.1:0"), "free_bind"));
    const UniqueFd fd = open_or_fail("192.0.2.1:0", {.free_bind = true});
    CHECK(os::bound_address(fd.get())->port != 0);
}

TEST_CASE("a low port without the privilege: the error names capability and sysctl") {
    CHECK(in_unprivileged_child([] {
              const auto fd = os::open_listener(*parse_address("127.0.0.1:1"), {});
              if (fd.ok())
                  return true; // ip_unprivileged_port_start is 0 or 1 here, as in many containers
              return expect(fd.error().message ==
                                "cannot bind 127.0.0.1:1: Permission denied; ports this low need "
                                "CAP_NET_BIND_SERVICE (in a unit: "
                                "AmbientCapabilities=CAP_NET_BIND_SERVICE) or "
                                "sysctl net.ipv4.ip_unprivileged_port_start=1",
                            fd.error().message);
          }) == 0);
}

TEST_CASE("1000 listeners on ports of the kernel's choice are open at once, all different") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit before = limit;
    if (limit.rlim_cur < 1100) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2048);
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    if (limit.rlim_cur < 1100) {
        MESSAGE("skipped: the hard limit of open files is " << limit.rlim_max);
        return;
    }
    std::vector<UniqueFd> fds;
    std::vector<std::uint16_t> ports;
    for (int i = 0; i < 1000; ++i) {
        fds.push_back(open_or_fail("127.0.0.1:0"));
        ports.push_back(os::bound_address(fds.back().get())->port);
    }
    std::sort(ports.begin(), ports.end());
    CHECK(std::adjacent_find(ports.begin(), ports.end()) == ports.end());
    CHECK(serves(fds.back().get(), *os::bound_address(fds.back().get())));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("at the limit of open files the error says which limit to raise") {
    CHECK(in_child([] {
              const rlimit limit{.rlim_cur = 3, .rlim_max = 3};
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
                  return false;
              const auto fd = os::open_listener(*parse_address("127.0.0.1:0"), {});
              return expect(!fd.ok() && fd.error().message.find("LimitNOFILE") != std::string::npos,
                            "LimitNOFILE is named");
          }) == 0);
}
