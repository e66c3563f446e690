// Damage that a worker does, with real sockets: done, found, repaired, and a client gets in again.
#include "os/listener_socket.h"
#include "os/sock_diag.h"

#include "support.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <vector>

using namespace svc;
using namespace svc::test;

namespace {

/// A listener with its address as bound and, for a path, its private link.
struct Held {
    Address address;
    ListenerOptions options;
    UniqueFd fd;
    std::string link;

    Held(const std::string& text, ListenerOptions with = {}, const std::string& link_path = "")
        : address(address_of(text)), options(std::move(with)), link(link_path) {
        auto opened = os::open_listener(address, options);
        REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
        fd = std::move(*opened);
        address = *os::bound_address(fd.get());
        if (!link.empty())
            REQUIRE(os::keep_private_link(address, link).ok());
    }

    [[nodiscard]] os::Damage inspect() const {
        return os::inspect(fd.get(), address, options, link);
    }
    [[nodiscard]] Result<void> repair() const {
        return os::repair(fd.get(), address, options, link, inspect());
    }
    [[nodiscard]] bool serves() const { return test::serves(fd.get(), address); }
};

std::vector<UniqueFd> clients(const Address& address, int count) {
    std::vector<UniqueFd> connected;
    for (int i = 0; i < count; ++i) {
        connected.push_back(connect_to(address));
        REQUIRE(connected.back());
    }
    return connected;
}

void check_shrunken_backlog(const Held& held) {
    const auto queued = clients(held.address, 3);
    REQUIRE(::listen(held.fd.get(), 1) == 0);
    CHECK(held.inspect() == os::Damage{.backlog_shrunk = true});
    CHECK(held.repair().ok());
    CHECK(held.inspect() == os::Damage{});
    for (int i = 0; i < 3; ++i)
        CHECK(accept_from(held.fd.get()));
    CHECK(held.serves());
}

} // namespace

TEST_CASE("a healthy listener of any kind shows no damage, and inspection leaves it alone") {
    const OpenDirectory directory;
    for (const std::string text : {"127.0.0.1:0", "udp:127.0.0.1:0"}) {
        const Held held(text);
        CHECK(held.inspect() == os::Damage{});
        CHECK(held.serves());
    }
    for (const std::string type : {"unix:", "unix-dgram:", "unix-seqpacket:"}) {
        const Held held(type + (directory / type), {}, directory / ("link" + type));
        CHECK(held.inspect() == os::Damage{});
        CHECK(held.serves());
        const Held unlinked(type + (directory / ("no-link" + type)));
        CHECK(unlinked.inspect() == os::Damage{});
    }
}

TEST_CASE("a connection in the queue is no damage, and stays there") {
    const Held held("127.0.0.1:0");
    const auto queued = clients(held.address, 2);
    CHECK(held.inspect() == os::Damage{});
    CHECK(accept_from(held.fd.get()));
    CHECK(accept_from(held.fd.get()));
}

TEST_CASE("a backlog over net.core.somaxconn is no damage") {
    const OpenDirectory directory;
    CHECK(Held("127.0.0.1:0", {.backlog = 4'000'000'000}).inspect() == os::Damage{});
    CHECK(Held("unix:" + (directory / "s"), {.backlog = 1'000'000'000}).inspect() == os::Damage{});
}

TEST_CASE("a TCP listener that was shut down is found and comes back at its port") {
    for (const int how : {SHUT_RD, SHUT_RDWR}) {
        const Held held("127.0.0.1:0", {.keepalive = true});
        auto queued = clients(held.address, 1);
        REQUIRE(::shutdown(held.fd.get(), how) == 0);
        CHECK_FALSE(connect_to(held.address));
        CHECK(held.inspect() == os::Damage{.shut_down = true});

        CHECK(held.repair().ok());
        CHECK(held.inspect() == os::Damage{});
        CHECK(*os::bound_address(held.fd.get()) == held.address);
        CHECK(held.serves());
        // What was queued is lost: the kernel reset it at the shutdown.
        char byte;
        CHECK(::recv(queued.front().get(), &byte, 1, 0) == -1);
        CHECK(errno == ECONNRESET);
    }
}

TEST_CASE("SHUT_WR does a TCP listener no harm, and is not reported") {
    const Held held("127.0.0.1:0");
    REQUIRE(::shutdown(held.fd.get(), SHUT_WR) == 0);
    CHECK(held.inspect() == os::Damage{});
    CHECK(held.serves());
}

TEST_CASE("a TCP listener that was dissolved by connect(AF_UNSPEC) is found and comes back") {
    const Held held("127.0.0.1:0");
    sockaddr unspecified{};
    REQUIRE(::connect(held.fd.get(), &unspecified, sizeof(unspecified)) == 0);
    CHECK(held.inspect() == os::Damage{.shut_down = true});
    CHECK(held.repair().ok());
    CHECK(*os::bound_address(held.fd.get()) == held.address);
    CHECK(held.serves());
}

TEST_CASE("a TCP port that was taken while the listener was down: the error says by whom") {
    const Held held("127.0.0.1:0");
    REQUIRE(::shutdown(held.fd.get(), SHUT_RDWR) == 0);
    const auto other = os::open_listener(held.address, {});
    REQUIRE(other.ok());
    const auto repaired = held.repair();
    REQUIRE_FALSE(repaired.ok());
    CHECK(repaired.error().code == EADDRINUSE);
    CHECK(repaired.error().message.find("ss -ltnp") != std::string::npos);
}

TEST_CASE("a shrunken TCP backlog is found and put back, and nothing queued is lost") {
    check_shrunken_backlog(Held("127.0.0.1:0", {.backlog = 128}));
}

TEST_CASE("a shrunken unix backlog is found and put back, and nothing queued is lost") {
    const OpenDirectory directory;
    const Held probe("unix:" + (directory / "probe"));
    if (!os::unix_listener_state(probe.fd.get())) {
        MESSAGE("skipped: this kernel does not tell a unix socket's backlog");
        return;
    }
    check_shrunken_backlog(Held("unix:" + (directory / "stream"), {.backlog = 128}));
    check_shrunken_backlog(Held("unix-seqpacket:" + (directory / "seqpacket"), {.backlog = 128}));
    check_shrunken_backlog(
        Held("unix:@svc-backlog-" + std::to_string(::getpid()), {.backlog = 128}));
}

TEST_CASE("a shrunken backlog of a socket from systemd is found by looking at the fd") {
    const Held held("127.0.0.1:0", {.backlog = 128});
    REQUIRE(::listen(held.fd.get(), 1) == 0);
    CHECK(os::inspect(held.fd.get(), address_of("systemd:web"), held.options, "") ==
          os::Damage{.backlog_shrunk = true});
}

TEST_CASE(
    "without a backlog to go by, one of a socket from systemd is neither judged nor changed") {
    const Held held("127.0.0.1:0", {.backlog = 128});
    const Address inherited = address_of("systemd:web");
    REQUIRE(os::apply_live_options(held.fd.get(), inherited, {}).ok());
    CHECK(os::backlog_of(held.fd.get(), inherited) == 128);
    REQUIRE(::listen(held.fd.get(), 1) == 0);
    CHECK(os::inspect(held.fd.get(), inherited, {}, "") == os::Damage{});
    REQUIRE(::shutdown(held.fd.get(), SHUT_RD) == 0);
    const os::Damage damage = os::inspect(held.fd.get(), inherited, {}, "");
    CHECK(damage == os::Damage{.shut_down = true});
    CHECK(os::repair(held.fd.get(), inherited, {}, "", damage).ok());
    CHECK(held.serves());
}

TEST_CASE("a unix listener that was shut down is found; no call revives it, a new one takes over") {
    const OpenDirectory directory;
    for (const std::string type : {"unix:", "unix-seqpacket:"}) {
        for (const int how : {SHUT_RD, SHUT_RDWR}) {
            const Held held(type + (directory / "s"), {}, directory / "link");
            REQUIRE(::shutdown(held.fd.get(), how) == 0);
            CHECK_FALSE(connect_to(held.address));
            CHECK(held.inspect() == os::Damage{.shut_down = true});
            const auto repaired = held.repair();
            REQUIRE_FALSE(repaired.ok());
            CHECK(repaired.error().message.find("stop and start the service") != std::string::npos);
            CHECK(held.inspect() == os::Damage{.shut_down = true});

            const Held next(type + (directory / "s"), {}, directory / "link");
            CHECK(next.inspect() == os::Damage{});
            CHECK(next.serves());
            os::remove_unix_paths(next.address, next.link);
        }
    }
}

TEST_CASE("a datagram socket that was shut down is found and said to be beyond repair") {
    const OpenDirectory directory;
    for (const std::string& text :
         {std::string("udp:127.0.0.1:0"), "unix-dgram:" + (directory / "s")}) {
        const Held held(text);
        // ENOTCONN for UDP, which marks the socket all the same.
        [[maybe_unused]] const int ignored = ::shutdown(held.fd.get(), SHUT_RDWR);
        CHECK(held.inspect() == os::Damage{.shut_down = true});
        CHECK_FALSE(held.repair().ok());
    }
}

TEST_CASE("a datagram socket that was connected to one peer is found and hears all again") {
    const OpenDirectory directory;
    const Held peer("udp:127.0.0.1:0");
    const Held unix_peer("unix-dgram:" + (directory / "peer"));
    const Held udp("udp:127.0.0.1:0");
    const Held unix_socket("unix-dgram:" + (directory / "s"));
    for (const auto& [held, to] : {std::pair(&udp, &peer), std::pair(&unix_socket, &unix_peer)}) {
        const auto at = os::to_socket_address(to->address, "");
        REQUIRE(::connect(held->fd.get(), at->get(), at->length) == 0);
        CHECK(held->inspect() == os::Damage{.connected = true});
        CHECK(held->repair().ok());
        CHECK(held->inspect() == os::Damage{});
        CHECK(*os::bound_address(held->fd.get()) == held->address);
        CHECK(held->serves());
    }
}

TEST_CASE("an unlinked unix path is found and put back, queued connections included") {
    const OpenDirectory directory;
    for (const std::string type : {"unix:", "unix-seqpacket:", "unix-dgram:"}) {
        const Held held(type + (directory / "s"), {}, directory / "link");
        const auto queued = clients(held.address, 1);
        REQUIRE(::unlink(held.address.host.c_str()) == 0);
        CHECK_FALSE(connect_to(held.address));
        CHECK(held.inspect() == os::Damage{.path_gone = true});
        CHECK(held.repair().ok());
        CHECK(held.inspect() == os::Damage{});
        if (held.address.type != SocketType::datagram)
            CHECK(accept_from(held.fd.get()));
        CHECK(held.serves());
        os::remove_unix_paths(held.address, held.link);
    }
}

TEST_CASE("a unix path replaced by another socket is found and taken back") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"), {}, directory / "link");
    REQUIRE(::unlink(held.address.host.c_str()) == 0);
    const Held usurper("unix:" + (directory / "s"));
    CHECK(held.inspect() == os::Damage{.path_gone = true});
    CHECK(held.repair().ok());
    CHECK(held.inspect() == os::Damage{});
    CHECK(held.serves());
}

TEST_CASE("a unix path that was moved away and then back is no damage") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"), {}, directory / "link");
    std::filesystem::rename(directory / "s", directory / "aside");
    CHECK(held.inspect() == os::Damage{.path_gone = true});
    std::filesystem::rename(directory / "aside", directory / "s");
    CHECK(held.inspect() == os::Damage{});
}

TEST_CASE("a unix path replaced by a file that is no socket is reported and not overwritten") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"), {}, directory / "link");
    REQUIRE(::unlink(held.address.host.c_str()) == 0);
    REQUIRE(UniqueFd(::open(held.address.host.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
    CHECK(held.inspect() == os::Damage{.path_gone = true});
    const auto repaired = held.repair();
    REQUIRE_FALSE(repaired.ok());
    CHECK(repaired.error().message.find("move it away") != std::string::npos);
    CHECK(std::filesystem::is_regular_file(held.address.host));
}

TEST_CASE("a lost unix path without a private link is reported with what to do") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"));
    REQUIRE(::unlink(held.address.host.c_str()) == 0);
    CHECK(held.inspect() == os::Damage{.path_gone = true});
    const auto repaired = held.repair();
    REQUIRE_FALSE(repaired.ok());
    CHECK(repaired.error().message.find("no other link") != std::string::npos);
}

TEST_CASE("one repair that is impossible does not keep the others from being made") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"), {.backlog = 128});
    REQUIRE(::unlink(held.address.host.c_str()) == 0);
    REQUIRE(::listen(held.fd.get(), 1) == 0);
    CHECK_FALSE(held.repair().ok());
    CHECK(held.inspect() == os::Damage{.path_gone = true});
}

TEST_CASE("a leftover of an interrupted repair is in nobody's way") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"), {}, directory / "link");
    REQUIRE(::link((directory / "s").c_str(), (directory / "s.svc-new").c_str()) == 0);
    REQUIRE(::unlink((directory / "s").c_str()) == 0);
    CHECK(held.repair().ok());
    CHECK(held.serves());
    CHECK_FALSE(std::filesystem::exists(directory / "s.svc-new"));
}

TEST_CASE("a private link replaces the one of an earlier socket") {
    const OpenDirectory directory;
    const Held earlier("unix:" + (directory / "s"), {}, directory / "link");
    REQUIRE(::unlink((directory / "s").c_str()) == 0);
    const Held held("unix:" + (directory / "s"), {}, directory / "link");
    CHECK(held.inspect() == os::Damage{});
    CHECK(earlier.fd);
}

TEST_CASE("a private link is for paths only, and its failures are said") {
    const OpenDirectory directory;
    CHECK_FALSE(os::keep_private_link(address_of("unix:@abstract"), directory / "link").ok());
    const Held held("unix:" + (directory / "s"));
    const auto missing = os::keep_private_link(held.address, directory / "missing/link");
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().message.find("does not exist") != std::string::npos);
}

TEST_CASE("a private link that cannot cross to its file system is kept beside the path") {
    const OpenDirectory directory;
    struct stat here {};
    struct stat there {};
    REQUIRE(::stat(directory.path().c_str(), &here) == 0);
    if (::stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev) {
        MESSAGE("skipped: /dev/shm is no file system of its own");
        return;
    }
    const Held held("unix:" + (directory / "s"));
    const auto link = os::keep_private_link(held.address, "/dev/shm/svc-link");
    REQUIRE(link.ok());
    CHECK(*link == directory / ".s.svc");
    REQUIRE(::unlink((directory / "s").c_str()) == 0);
    const auto damage = os::inspect(held.fd.get(), held.address, {}, *link);
    CHECK(damage.path_gone);
    CHECK(os::repair(held.fd.get(), held.address, {}, *link, damage).ok());
    CHECK(connect_to(held.address));
    os::remove_unix_paths(held.address, *link);
    CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("the paths of a unix socket are removed with it, but not another's") {
    const OpenDirectory directory;
    const Held held("unix:" + (directory / "s"), {}, directory / "link");
    os::remove_unix_paths(held.address, held.link);
    CHECK(std::filesystem::is_empty(directory.path()));

    const Held second("unix:" + (directory / "s"), {}, directory / "link");
    REQUIRE(::unlink((directory / "s").c_str()) == 0);
    const Held usurper("unix:" + (directory / "s"));
    os::remove_unix_paths(second.address, second.link);
    CHECK(usurper.serves());
    CHECK_FALSE(std::filesystem::exists(directory / "link"));
}

TEST_CASE("without a link a unix path is removed only if nobody has the socket open") {
    const OpenDirectory directory;
    Held held("unix:" + (directory / "s"));
    os::remove_unix_paths(held.address, "");
    CHECK(held.serves());
    held.fd.reset();
    os::remove_unix_paths(held.address, "");
    CHECK_FALSE(std::filesystem::exists(directory / "s"));
}
