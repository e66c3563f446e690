// A cold start while the store still has an earlier supervisor's listeners: nobody knows what they were but by
// their addresses.
#include "succession.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using svc::test::accept_from;
using svc::test::address_of;
using svc::test::connect_to;
using svc::test::serves;

namespace {

/// A supervisor that died with a TCP listener, at a port that the service file names.
struct Cold : Succession {
    Address address;
    UniqueFd waiting;

    explicit Cold(ListenerScope scope = ListenerScope::service) {
        auto free = svc::test::open_or_fail("127.0.0.1:0");
        const auto bound = os::bound_address(free.get());
        REQUIRE(bound);
        address = *bound;
        free.reset();
        REQUIRE(now->listeners.open(spec_of({http(scope)}), 1));
        waiting = connect_to(address);
    }
    [[nodiscard]] ListenerSpec http(ListenerScope scope = ListenerScope::service) const {
        return listener_of("http", format_address(address), scope);
    }
    void start_cold() {
        die();
        auto kept = keeper.hand_back();
        now->listeners.adopt_by_address(kept);
        CHECK(kept.empty());
    }
};

} // namespace

TEST_CASE("a cold start goes on with the sockets that its service file wants") {
    Cold cold;
    cold.start_cold();
    auto spec = spec_of({cold.http()});
    spec.listeners[0].options.backlog = 32;
    REQUIRE(cold.now->listeners.open(spec));
    CHECK(cold.now->reported("http: taken over"));
    CHECK(accept_from(cold.now->fd(spec)));
    CHECK(serves(cold.now->fd(spec), cold.address));
    CHECK(os::backlog_of(cold.now->fd(spec), cold.address) == 32);
    CHECK(cold.keeper.names() == std::vector<std::string>{"svc.listener.2"});
}

TEST_CASE("a cold start closes what its service file does not want") {
    Cold cold;
    const auto local = listener_of("local", "unix:" + cold.path("web.sock"));
    const auto old = spec_of({cold.http(), local});
    REQUIRE(cold.now->listeners.open(old));
    cold.start_cold();
    const auto spec = spec_of({listener_of("http", "127.0.0.1:0")});
    REQUIRE(cold.now->listeners.open(spec));
    CHECK_FALSE(connect_to(cold.address));
    CHECK_FALSE(std::filesystem::exists(cold.path("web.sock")));
    CHECK(cold.now->reported("an earlier supervisor: closed (" + format_address(cold.address)));
    CHECK(cold.keeper.names() == std::vector<std::string>{"svc.listener.3"});
}

TEST_CASE("what is in the way of another address goes before it is opened") {
    Cold cold;
    const auto stream = listener_of("local", "unix:" + cold.path("s"));
    REQUIRE(cold.now->listeners.open(spec_of({cold.http(), stream})));
    cold.start_cold();
    const auto spec = spec_of({listener_of("all", std::to_string(cold.address.port)),
                               listener_of("local", "unix-seqpacket:" + cold.path("s"))});
    const auto opened = cold.now->listeners.open(spec);
    REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
    CHECK(serves(cold.now->fd(spec), cold.address));
    CHECK(serves(cold.now->fd(spec, 1), spec.listeners[1].address));
}

TEST_CASE("a revision's listener is opened anew at a cold start") {
    Cold cold(ListenerScope::revision);
    cold.start_cold();
    const auto spec = spec_of({cold.http(ListenerScope::revision)});
    REQUIRE(cold.now->listeners.open(spec, 2));
    CHECK(serves(cold.now->fd(spec, 0, 2), cold.address));
}

TEST_CASE("a refused boot leaves the sockets to the version that it falls back to") {
    Cold cold;
    const auto local = listener_of("local", "unix:" + cold.path("web.sock"));
    const auto spec = spec_of({cold.http(), local});
    REQUIRE(cold.now->listeners.open(spec));
    cold.start_cold();
    const auto refused =
        spec_of({cold.http(), local, listener_of("wrong", "unix:/nowhere/at/all")});
    REQUIRE_FALSE(cold.now->listeners.open(refused));
    CHECK(std::filesystem::exists(cold.path("web.sock")));
    REQUIRE(cold.now->listeners.open(spec));
    CHECK(accept_from(cold.now->fd(spec)));
    CHECK(serves(cold.now->fd(spec, 1), local.address));
    ::unlink(cold.path("web.sock").c_str());
    cold.now->listeners.inspect_all();
    CHECK(serves(cold.now->fd(spec, 1), local.address));
}

TEST_CASE("a socket that a worker spoilt for good is not gone on with") {
    Succession line;
    const auto spec = spec_of({listener_of("local", "unix:" + line.path("web.sock"))});
    REQUIRE(line.now->listeners.open(spec));
    ::shutdown(line.now->fd(spec), SHUT_RDWR);
    line.die();
    auto kept = line.keeper.hand_back();
    line.now->listeners.adopt_by_address(kept);
    REQUIRE(line.now->listeners.open(spec));
    CHECK(serves(line.now->fd(spec), spec.listeners[0].address));
}

TEST_CASE("links of an earlier supervisor are removed at a cold start") {
    Succession line;
    const auto spec = spec_of({listener_of("local", "unix:" + line.path("web.sock"))});
    REQUIRE(line.now->listeners.open(spec));
    REQUIRE_FALSE(std::filesystem::is_empty(line.links()));
    line.die();
    line.keeper.held().clear();
    CHECK_FALSE(std::filesystem::is_empty(line.links())); // it may yet restore
    REQUIRE(line.now->listeners.open(spec_of({})));
    CHECK_FALSE(std::filesystem::exists(line.links()));
}
