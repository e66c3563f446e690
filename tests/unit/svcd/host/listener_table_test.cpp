#include "held_port.h"
#include "house.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <ctime>
#include <doctest/doctest.h>
#include <fstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using namespace svc::rollout;
namespace asio = boost::asio;

namespace {

ListenerSpec tcp(const std::string& name, std::uint16_t port = 0) {
    ListenerSpec listener;
    listener.name = name;
    listener.address.host = "127.0.0.1";
    listener.address.port = port;
    return listener;
}

ListenerSpec local(const std::string& name, const std::string& path) {
    ListenerSpec listener;
    listener.name = name;
    listener.address.family = AddressFamily::unix_path;
    listener.address.host = path;
    return listener;
}

Spec with(std::vector<ListenerSpec> listeners) {
    Spec spec;
    spec.listeners = std::move(listeners);
    return spec;
}

std::uint16_t port_of(int fd) {
    const auto bound = os::bound_address(fd);
    REQUIRE(bound);
    return bound->port;
}

/// True if somebody accepts, or would accept, a connection there.
bool connects(asio::io_context& io, std::uint16_t port) {
    asio::ip::tcp::socket socket(io);
    boost::system::error_code error;
    socket.connect({asio::ip::address_v4::loopback(), port}, error);
    return !error;
}

bool connects(asio::io_context& io, const std::string& path) {
    asio::local::stream_protocol::socket socket(io);
    boost::system::error_code error;
    socket.connect(path, error);
    return !error;
}

int open_fds() {
    const auto entries = std::filesystem::directory_iterator("/proc/self/fd");
    return static_cast<int>(std::distance(begin(entries), end(entries)));
}

bool reported(const House& house, const std::string& text) {
    return std::any_of(house.listener_reports.begin(), house.listener_reports.end(),
                       [&](const auto& line) { return line.find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("listeners are passed in the order of the service file, with a name for each") {
    House house;
    const auto spec = with({tcp("b"), tcp("a")});
    REQUIRE(house.listeners.open(spec));
    const auto passed = house.listeners.passed_to(spec);
    CHECK(passed.names == std::vector<std::string>{"b", "a"});
    REQUIRE(passed.fds.size() == 2);
    CHECK(connects(house.io, port_of(passed.fds[0])));
    CHECK(port_of(passed.fds[0]) != port_of(passed.fds[1]));
}

TEST_CASE("a port of 0 keeps its port over reloads, and status shows it") {
    House house;
    const auto spec = with({tcp("http")});
    REQUIRE(house.listeners.open(spec));
    const int fd = house.listeners.passed_to(spec).fds.at(0);
    REQUIRE(house.listeners.open(spec));
    CHECK(house.listeners.passed_to(spec).fds.at(0) == fd);
    const auto status = house.listeners.status(spec);
    REQUIRE(status.size() == 1);
    CHECK(status[0].address == "127.0.0.1:" + std::to_string(port_of(fd)));
    CHECK(status[0].sockets == 1);
}

TEST_CASE("a listener that only got another name keeps its socket") {
    House house;
    const HeldPort held;
    const auto before = with({tcp("http", held.port())});
    const auto after = with({tcp("web", held.port())});
    REQUIRE(house.listeners.open(before));
    REQUIRE(house.listeners.open(after));
    CHECK(house.listeners.passed_to(after).fds == house.listeners.passed_to(before).fds);
    CHECK(house.listeners.passed_to(after).names == std::vector<std::string>{"web"});
}

TEST_CASE("if one listener cannot be opened, none is, and nothing is left of the others") {
    House house;
    House other;
    const auto taken = with({tcp("x")});
    REQUIRE(other.listeners.open(taken));
    const auto port = port_of(other.listeners.passed_to(taken).fds[0]);
    const std::string path = house.directory.path() + "/web.sock";
    const int before = open_fds();
    const auto opened = house.listeners.open(with({local("path", path), tcp("http", port)}));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("listener http") != std::string::npos);
    CHECK(opened.error().message.find(std::to_string(port)) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(open_fds() == before);
}

TEST_CASE("a port that the service's own listener holds is said to be held by it") {
    House house;
    const auto before = with({tcp("http")});
    REQUIRE(house.listeners.open(before));
    auto wider = tcp("public", port_of(house.listeners.passed_to(before).fds[0]));
    const std::string bound = format_address(wider.address);
    wider.address.host = "0.0.0.0";
    const auto opened = house.listeners.open(with({wider}));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("own listener http") != std::string::npos);
    CHECK(opened.error().message.find(bound) != std::string::npos);
    CHECK(opened.error().message.find("another port") != std::string::npos);
    CHECK(opened.error().message.find("ss -") == std::string::npos);
}

TEST_CASE("a listener that is closed is named with the port that it had") {
    House house;
    const auto spec = with({tcp("http")});
    REQUIRE(house.listeners.open(spec));
    const auto port = port_of(house.listeners.passed_to(spec).fds[0]);
    house.listeners.keep_only({});
    CHECK(reported(house, "closed (127.0.0.1:" + std::to_string(port) + ")"));
}

TEST_CASE("keep_only closes what nothing in use needs, and removes its path") {
    House house;
    const std::string path = house.directory.path() + "/web.sock";
    const auto before = with({tcp("http"), local("path", path)});
    const auto after = with({tcp("http")});
    REQUIRE(house.listeners.open(before));
    const auto port = port_of(house.listeners.passed_to(before).fds[0]);
    house.listeners.keep_only({&after, &before});
    CHECK(connects(house.io, path));
    house.listeners.keep_only({&after});
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(connects(house.io, port));
    CHECK(std::filesystem::is_empty(house.settings.runtime_dir + "/links"));
    house.listeners.keep_only({});
    CHECK_FALSE(connects(house.io, port));
}

TEST_CASE("a listener that a worker shut down listens again, at once and by itself") {
    House house;
    const HeldPort held;
    const auto port = held.port();
    auto& revision = house.revision(
        7, {"notify:STATUS=now", "wait-term", "shutdown:3", "notify:STATUS=shut", "wait"});
    revision.spec = with({tcp("http", port)});
    REQUIRE(house.listeners.open(revision.spec));
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    CHECK(connects(house.io, port));
    house.perform(SignalWorker{id, 15});
    REQUIRE(house.run_until([&] { return reported(house, "shut it down"); }));
    CHECK(connects(house.io, port));
}

TEST_CASE("a connection does not wake the supervisor") {
    TemporaryDirectory directory;
    Settings settings;
    settings.runtime_dir = directory.path();
    asio::io_context io(1); // nothing else in it: no child of another test wakes it
    FdStore store(io, nullptr);
    ListenerTable listeners(io, settings, store, {},
                            [](ListenerTable::News, const std::string&) {});
    const auto spec = with({tcp("http")});
    REQUIRE(listeners.open(spec));
    const auto port = port_of(listeners.passed_to(spec).fds[0]);
    asio::io_context clients;
    for (int i = 0; i < 10; ++i)
        REQUIRE(connects(clients, port));
    CHECK(io.run_for(std::chrono::milliseconds(50)) == 0);
}

TEST_CASE("a unix path that a worker removed is put back when it is ready") {
    House house;
    const std::string path = house.directory.path() + "/web.sock";
    auto& revision = house.revision(7, {"unlink:" + path, "notify:READY=1", "wait"});
    revision.spec = with({local("http", path)});
    REQUIRE(house.listeners.open(revision.spec));
    house.launch(7);
    REQUIRE(house.run_until([&] { return reported(house, "its path"); }));
    CHECK(connects(house.io, path));
}

TEST_CASE("live options follow the revision that is rolled out, and go back with it") {
    House house;
    auto& seven = house.revision(7, {"wait"});
    seven.spec = with({tcp("http")});
    seven.spec.listeners[0].options.backlog = 64;
    auto& eight = house.revision(8, {"wait"});
    eight.spec = seven.spec;
    eight.spec.listeners[0].options.backlog = 32;
    REQUIRE(house.listeners.open(seven.spec));
    house.state.rollout.emplace();
    house.state.rollout->from = 7;
    house.state.rollout->to = 8;
    house.perform(BeginRollout{8});
    CHECK(house.listeners.status(seven.spec)[0].backlog == 32);
    house.state.rollout = Rollout{.from = 7, .to = 8};
    house.perform(RollBack{7, "a test", {}});
    CHECK(house.listeners.status(seven.spec)[0].backlog == 64);
    house.listeners.inspect_all();
    CHECK_FALSE(reported(house, "backlog"));
}

TEST_CASE("DropRevision closes what only that revision had") {
    House house;
    auto& seven = house.revision(7, {"wait"});
    seven.spec = with({tcp("http"), local("old", house.directory.path() + "/old.sock")});
    REQUIRE(house.listeners.open(seven.spec));
    auto& eight = house.revision(8, {"wait"});
    eight.spec = with({seven.spec.listeners[0]});
    REQUIRE(house.listeners.open(eight.spec));
    house.state.current = 8;
    house.state.revisions.erase(7);
    house.perform(DropRevision{7});
    CHECK_FALSE(std::filesystem::exists(house.directory.path() + "/old.sock"));
    CHECK(house.listeners.passed_to(house.state.revisions.at(8).spec).fds.size() == 1);
}

TEST_CASE("a socket that systemd did not pass is refused, and what it passed is said") {
    House house;
    ListenerSpec listener;
    listener.name = "http";
    listener.address.family = AddressFamily::systemd;
    listener.address.host = "web";
    const auto opened = house.listeners.open(with({listener}));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("it passed none") != std::string::npos);
}

TEST_CASE("a look at a thousand listeners costs milliseconds") {
    House house;
    Spec spec;
    for (int i = 0; i < 1000; ++i)
        spec.listeners.push_back(tcp("l" + std::to_string(i)));
    REQUIRE(house.listeners.open(spec));
    // Of the processor's time: what else runs on the machine is not in it.
    const std::clock_t begin = std::clock();
    house.listeners.inspect_all();
    const std::clock_t took = std::clock() - begin;
    MESSAGE("1,000 TCP listeners inspected in ", took * 1'000'000 / CLOCKS_PER_SEC, " us");
    CHECK(took < CLOCKS_PER_SEC / 5); // some 1 ms
}
