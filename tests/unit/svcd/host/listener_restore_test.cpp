// Listeners that outlive their supervisor.
#include "succession.h"

#include <fstream>
#include <sys/stat.h>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using svc::test::accept_from;
using svc::test::connect_to;
using svc::test::serves;

namespace {

ino_t inode_of(int fd) {
    struct stat found {};
    REQUIRE(::fstat(fd, &found) == 0);
    return found.st_ino;
}

} // namespace

TEST_CASE("what waits for a listener when the supervisor dies is accepted under the next one") {
    Succession line;
    const auto spec = spec_of({listener_of("http", "127.0.0.1:0"),
                               listener_of("local", "unix:" + line.path("web.sock")),
                               listener_of("dns", "udp:127.0.0.1:0"),
                               listener_of("abstract", "unix:@" + line.path("abstract"))});
    REQUIRE(line.now->listeners.open(spec));
    std::vector<Address> addresses;
    std::vector<UniqueFd> clients;
    std::vector<ino_t> inodes;
    for (std::size_t i = 0; i < 4; ++i) {
        addresses.push_back(line.address(spec, i));
        inodes.push_back(inode_of(line.now->fd(spec, i)));
        clients.push_back(connect_to(addresses.back()));
        REQUIRE(::send(clients.back().get(), "hello", 5, MSG_NOSIGNAL) == 5);
    }
    const auto before = line.now->listeners.records();
    line.succeed();
    CHECK(line.now->listeners.records() == before);
    REQUIRE(line.now->listeners.open(spec)); // nothing is left to be opened
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(line.address(spec, i) == addresses[i]);
        const int fd = line.now->fd(spec, i);
        CHECK(inode_of(fd) == inodes[i]);
        char buffer[16];
        if (addresses[i].type == SocketType::datagram)
            CHECK(::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) == 5);
        else
            CHECK(::recv(accept_from(fd).get(), buffer, sizeof buffer, 0) == 5);
        CHECK(serves(fd, addresses[i]));
    }
    CHECK(line.now->reported("http: taken over (" + format_address(addresses[0]) + ")"));
}

TEST_CASE("what workers damage after a takeover is repaired, and what they damaged before it") {
    Succession line;
    const std::string path = line.path("web.sock");
    const auto spec =
        spec_of({listener_of("http", "127.0.0.1:0"), listener_of("local", "unix:" + path)});
    REQUIRE(line.now->listeners.open(spec));
    const Address http = line.address(spec);
    line.succeed();
    ::shutdown(line.now->fd(spec), SHUT_RDWR);
    ::unlink(path.c_str());
    line.now->run();
    CHECK(line.now->reported("http: a worker shut it down"));
    CHECK(serves(line.now->fd(spec), http));
    line.now->listeners.inspect_all();
    CHECK(serves(line.now->fd(spec, 1), line.address(spec, 1)));

    const auto text = line.written();
    ::shutdown(line.now->fd(spec), SHUT_RDWR);
    ::unlink(path.c_str());
    line.die();
    REQUIRE(line.restore(Succession::parsed(text)));
    line.now->run();
    CHECK(serves(line.now->fd(spec), http));
    line.now->listeners.inspect_all();
    CHECK(serves(line.now->fd(spec, 1), line.address(spec, 1)));
}

TEST_CASE("damage beyond repair is told once, also across a takeover") {
    Succession line;
    const auto spec = spec_of({listener_of("local", "unix:" + line.path("web.sock"))});
    REQUIRE(line.now->listeners.open(spec));
    ::shutdown(line.now->fd(spec), SHUT_RDWR);
    line.now->listeners.inspect_all();
    REQUIRE(line.now->reported("cannot revive"));
    line.succeed();
    line.now->run();
    line.now->listeners.inspect_all();
    CHECK_FALSE(line.now->reported("cannot revive"));
    CHECK_FALSE(line.now->listeners.status(spec)[0].problem.empty());
}

TEST_CASE("the live options are still those of the newest service file, and its name") {
    Succession line;
    auto spec = spec_of({listener_of("http", "unix:" + line.path("s"))});
    REQUIRE(line.now->listeners.open(spec));
    spec.listeners[0].name = "web";
    spec.listeners[0].options.backlog = 32;
    line.now->listeners.apply_live(spec);
    line.succeed();
    CHECK(line.now->listeners.status(spec)[0].backlog == 32);
    CHECK(line.now->listeners.records()[0].name == "web");
    ::listen(line.now->fd(spec), 1);
    line.now->listeners.inspect_all();
    CHECK(os::backlog_of(line.now->fd(spec), spec.listeners[0].address).value_or(32) == 32);
}

TEST_CASE("private links live with their listeners, and the others go") {
    Succession line;
    const std::string path = line.path("web.sock");
    const auto other = listener_of("other", "unix:" + line.path("other.sock"));
    const auto spec = spec_of({listener_of("local", "unix:" + path)});
    const auto both = spec_of({other, listener_of("local", "unix:" + path)});
    REQUIRE(line.now->listeners.open(both));
    const auto link = line.now->listeners.records()[1].link_path;
    line.now->listeners.keep_only({&spec});
    std::ofstream(line.links() + "/77") << "left by somebody"; // its record was never written
    std::ofstream(line.links() + "/r7-0.admin") << "a worker's own";
    line.succeed();
    CHECK(std::filesystem::exists(link));
    CHECK_FALSE(std::filesystem::exists(line.links() + "/77"));
    CHECK(std::filesystem::exists(line.links() + "/r7-0.admin"));
    REQUIRE(line.now->listeners.open(both)); // whose link is another one
    ::unlink(path.c_str());
    line.now->listeners.inspect_all();
    CHECK(serves(line.now->fd(spec), line.address(spec)));
    line.now->listeners.keep_only({});
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK_FALSE(std::filesystem::exists(link));
}

TEST_CASE("the store has every socket that is open here, each under a name of its own") {
    Succession line;
    const auto one = spec_of({listener_of("a", "127.0.0.1:0")});
    const auto two = spec_of({listener_of("a", "127.0.0.1:0"), listener_of("b", "127.0.0.1:0")});
    REQUIRE(line.now->listeners.open(two));
    CHECK(line.keeper.names() == std::vector<std::string>{"svc.listener.1", "svc.listener.2"});
    line.succeed();
    CHECK(line.keeper.names() == std::vector<std::string>{"svc.listener.1", "svc.listener.2"});
    const auto three = spec_of({one.listeners[0], listener_of("c", "127.0.0.1:0")});
    REQUIRE(line.now->listeners.open(three));
    CHECK(line.keeper.names() ==
          std::vector<std::string>{"svc.listener.1", "svc.listener.2", "svc.listener.3"});
    line.now->listeners.keep_only({&one});
    // Nobody has written records that name the third one. Those that were name the second.
    CHECK(line.keeper.names() == std::vector<std::string>{"svc.listener.1", "svc.listener.2"});
    line.now->store.settle();
    CHECK(line.keeper.names() == std::vector<std::string>{"svc.listener.1"});
}

TEST_CASE("a listener that is closed refuses everybody while the store still has it") {
    Succession line;
    const auto spec = spec_of({listener_of("http", "127.0.0.1:0"),
                               listener_of("local", "unix:" + line.path("web.sock"))});
    REQUIRE(line.now->listeners.open(spec));
    const Address http = line.address(spec);
    (void)line.now->listeners.records();
    line.now->listeners.keep_only({});
    REQUIRE(line.keeper.names().size() == 2);
    CHECK_FALSE(connect_to(http));
    CHECK_FALSE(std::filesystem::exists(line.path("web.sock")));
    // And keeps nobody from its address.
    const auto again = spec_of({listener_of("http", format_address(http)), spec.listeners[1]});
    REQUIRE(line.now->listeners.open(again));
    CHECK(serves(line.now->fd(again), http));
}

TEST_CASE("a listener that was opened and not recorded is closed by the next supervisor") {
    Succession line;
    const auto one = spec_of({listener_of("a", "127.0.0.1:0")});
    const auto two = spec_of({listener_of("a", "127.0.0.1:0"), listener_of("b", "127.0.0.1:0")});
    REQUIRE(line.now->listeners.open(one));
    const auto text = line.written();
    REQUIRE(line.now->listeners.open(two));
    const Address unknown = line.address(two, 1);
    line.die();
    REQUIRE(line.restore(Succession::parsed(text)));
    CHECK_FALSE(connect_to(unknown));
    CHECK(line.keeper.names() == std::vector<std::string>{"svc.listener.1"});
    CHECK(serves(line.now->fd(one), line.address(one)));
}

// What nobody wrote -------------------------------------------------------------------------------

namespace {

struct Hostile : Succession {
    Spec spec = spec_of(
        {listener_of("http", "127.0.0.1:0"), listener_of("local", "unix:" + path("web.sock"))});
    Records records;
    UniqueFd waiting;

    Hostile() {
        REQUIRE(now->listeners.open(spec));
        spec.listeners[0].address = address(spec); // so that the next one may know it
        now->listeners.keep_only({});
        keeper.held().clear();
        now->store.settle();
        REQUIRE(now->listeners.open(spec));
        records = Succession::parsed(written());
        waiting = connect_to(spec.listeners[0].address);
        die();
    }
    wire::ListenerRecord& http() { return records[0]; }
    wire::ListenerRecord& local() { return records[1]; }
    /// Refused, and it is said why; nothing is lost: a cold start has the very sockets.
    void refused(const std::string& name, const std::string& why) {
        const auto restored = restore(records);
        REQUIRE_FALSE(restored.ok());
        INFO(restored.error().message);
        CHECK(restored.error().message.find("listener " + name) == 0);
        CHECK(restored.error().message.find(why) != std::string::npos);
        CHECK(now->listeners.records().empty());
    }
    void cold_start() {
        const auto opened = now->listeners.open(spec);
        REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
        CHECK(accept_from(now->fd(spec)));
        CHECK(serves(now->fd(spec, 1), spec.listeners[1].address));
    }
};

} // namespace

TEST_CASE_FIXTURE(Hostile, "a record whose socket is not there is refused, by name") {
    local().sockets = {"svc.listener.99"};
    refused("local", "the fd store has no svc.listener.99");
    cold_start();
}

TEST_CASE_FIXTURE(Hostile, "a record of another fd than a listener's is refused") {
    keeper.held()["svc.worker.1.pidfd"] = UniqueFd(::dup(0));
    local().sockets = {"svc.worker.1.pidfd"};
    refused("local", "the fd store has no svc.worker.1.pidfd");
    cold_start();
}

TEST_CASE_FIXTURE(Hostile, "a record whose fd is no socket is refused") {
    keeper.held()["svc.listener.98"] = UniqueFd(::dup(0));
    local().sockets = {"svc.listener.98"};
    refused("local", "is no socket");
    cold_start();
    now->store.settle();
    CHECK_FALSE(keeper.held().contains("svc.listener.98"));
}

TEST_CASE_FIXTURE(Hostile, "a record of a socket that is bound elsewhere is refused") {
    std::swap(http().sockets, local().sockets);
    refused("http", "is bound to unix:");
    cold_start();
}

TEST_CASE_FIXTURE(Hostile, "one socket is not two listeners") {
    records.push_back(http());
    SUBCASE("of one identity") {
        refused("http", "recorded twice");
    }
    SUBCASE("of two") {
        http().sockets.push_back(http().sockets[0]);
        refused("http", "the fd store has no ");
    }
    cold_start();
}

TEST_CASE_FIXTURE(Hostile, "a record that does not know what it is of is refused") {
    SUBCASE("another address") {
        http().identity = "0.0.0.0:80";
    }
    SUBCASE("a revision that no group has") {
        http().revision = 7;
    }
    SUBCASE("a group without a revision") {
        http().group = http().identity;
    }
    SUBCASE("no socket") {
        http().sockets.clear();
    }
    SUBCASE("systemd's") {
        http().address.family = AddressFamily::systemd;
    }
    refused("http", "");
    cold_start();
}

TEST_CASE_FIXTURE(Hostile, "a link that we did not make is never unlinked") {
    const std::string precious = path("precious");
    std::ofstream(precious) << "data";
    local().link_path = precious;
    SUBCASE("somewhere") {}
    SUBCASE("on a way out of our directory") {
        local().link_path = links() + "/../precious";
    }
    refused("local", "is no link of ours");
    cold_start();
    now->listeners.keep_only({});
    CHECK(std::filesystem::exists(precious));
}
