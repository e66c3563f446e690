// The control server over a real socket, with methods that do next to nothing.
#include "control_scene.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;

namespace {

bool has(const Client& client, std::string_view text) {
    return client.received.find(text) != std::string::npos;
}

} // namespace

TEST_CASE("a call is answered, and so are several in one write, in order") {
    Scene scene;
    Client client(scene.path);
    client.call("t.one");
    CHECK(scene.replies(client, 1));
    wire::VarlinkCall call;
    std::string many;
    for (int number = 0; number < 50; ++number) {
        call.method = "t.m" + std::to_string(number);
        many += wire::encode(call);
    }
    client.send(many);
    CHECK(scene.replies(client, 51));
    CHECK(scene.methods.calls.back() == "t.m49");
    CHECK(client.received.find("t.m7\"") < client.received.find("t.m8\""));
}

TEST_CASE("a message in pieces is one message") {
    Scene scene;
    Client client(scene.path);
    const std::string bytes("{\"method\":\"t.x\"}\0", 17);
    for (const char byte : bytes.substr(0, 16)) {
        client.send({&byte, 1});
        test::settle(scene.io);
    }
    CHECK(scene.methods.calls.empty());
    client.send(std::string_view("\0", 1));
    CHECK(scene.replies(client, 1));
}

TEST_CASE("a oneway call is handled and not answered") {
    Scene scene;
    Client client(scene.path);
    client.call("t.silent", true);
    client.call("t.loud");
    CHECK(scene.replies(client, 1));
    CHECK(scene.methods.calls.size() == 2);
    CHECK(has(client, "t.loud"));
}

TEST_CASE("what is no call is answered with an error, and the connection ends") {
    for (const std::string text : {"no json", "[1]", "{}", "{\"method\":7}", ""}) {
        CAPTURE(text);
        Scene scene;
        Client client(scene.path);
        client.send(text + std::string(1, '\0'));
        scene.until_closed(client);
        CHECK(has(client, "InvalidParameter"));
        CHECK(scene.methods.calls.empty());
        CHECK(scene.server->clients() == 0);
    }
}

TEST_CASE("a message over the limit is answered with an error, and the connection ends") {
    Scene scene;
    Client client(scene.path);
    const std::string part(16 << 10, 'x');
    std::size_t sent = 0;
    test::run_until(scene.io, [&] {
        sent += client.send(part);
        return !client.receive();
    });
    CHECK(sent > wire::varlink_message_limit);
    CHECK(sent < 4 * wire::varlink_message_limit);
    CHECK(scene.server->clients() == 0);
}

TEST_CASE("a client that ends its sending side still gets its answers; then the server closes") {
    Scene scene;
    Client client(scene.path);
    client.call("t.wait");
    client.end_sending();
    test::run_until(scene.io, [&] { return scene.methods.waiting != nullptr; });
    test::settle(scene.io);
    REQUIRE(scene.methods.waiting != nullptr);
    scene.methods.answer = true;
    scene.methods.waiting->notify();
    scene.until_closed(client);
    CHECK(client.replies() == 1);
}

TEST_CASE("a client that vanishes in a wait ends the wait, also after it ended its sending side") {
    for (const bool half_closed : {false, true}) {
        CAPTURE(half_closed);
        Scene scene;
        Client client(scene.path);
        client.call("t.wait");
        test::run_until(scene.io, [&] { return scene.methods.waiting != nullptr; });
        if (half_closed) {
            client.end_sending();
            test::settle(scene.io);
        }
        client.close();
        test::run_until(scene.io, [&] { return scene.methods.vanished == 1; });
        CHECK(scene.server->clients() == 0);
    }
}

TEST_CASE("a call whose client is gone before it is begun is not begun, but for one that wants no "
          "answer") {
    Scene scene;
    Client client(scene.path);
    client.call("t.late");
    client.close();
    Client oneway(scene.path);
    oneway.call("t.silent", true);
    oneway.close();
    Client half(scene.path);
    half.call("t.half");
    half.end_sending();
    scene.until_closed(half);
    CHECK(half.replies() == 1);
    test::run_until(scene.io, [&] { return scene.server->clients() == 0; });
    CHECK(scene.methods.calls == std::vector<std::string>{"t.silent", "t.half"});
}

TEST_CASE("a client that vanishes in the middle of a message is forgotten") {
    Scene scene;
    Client client(scene.path);
    client.send("{\"method\":");
    test::run_until(scene.io, [&] { return scene.server->clients() == 1; });
    client.close();
    test::run_until(scene.io, [&] { return scene.server->clients() == 0; });
    CHECK(scene.methods.calls.empty());
}

TEST_CASE("a client that does not read is dropped, and others are served meanwhile") {
    Scene scene;
    Client slow(scene.path);
    Client other(scene.path);
    slow.call("t.flood");
    test::run_until(scene.io, [&] { return scene.methods.flooded; });
    CHECK(scene.server->clients() == 1);
    other.call("t.one");
    CHECK(scene.replies(other, 1));
}

TEST_CASE("a client that calls faster than it reads stalls itself, within bounds") {
    Scene scene;
    Client client(scene.path);
    wire::VarlinkCall call;
    call.method = "t.some-method-with-a-long-name";
    const std::string bytes = wire::encode(call);
    // Whole messages only: a send is taken whole or the socket is full.
    std::size_t taken = 0;
    for (int quiet = 0; quiet < 20; ++quiet) {
        while (client.send(bytes) == bytes.size()) {
            ++taken;
            quiet = 0;
        }
        test::settle(scene.io);
    }
    CHECK(scene.server->clients() == 1);
    CHECK(scene.methods.calls.size() < taken);
    test::run_until(scene.io, [&] {
        client.receive();
        return client.replies() >= taken;
    });
    CHECK(scene.methods.calls.size() >= taken);
}

TEST_CASE("one client too many is told so at once, while the others are busy or fresh") {
    ServerLimits limits;
    limits.clients = 3;
    limits.reserved = 0;
    limits.yields_after = std::chrono::hours(1);
    Scene scene(limits);
    Client one(scene.path);
    Client two(scene.path);
    Client three(scene.path);
    test::run_until(scene.io, [&] { return scene.server->clients() == 3; });
    Client late(scene.path);
    scene.until_closed(late);
    CHECK(has(late, wire::control_error::busy));
    one.call("t.one");
    CHECK(scene.replies(one, 1));
}

TEST_CASE("the client that was idle longest gives its place to a new one") {
    ServerLimits limits;
    limits.clients = 2;
    limits.reserved = 0;
    limits.yields_after = Duration{};
    Scene scene(limits);
    Client idle(scene.path);
    test::run_until(scene.io, [&] { return scene.server->clients() == 1; });
    Client busy(scene.path);
    busy.call("t.wait");
    test::run_until(scene.io, [&] { return scene.methods.waiting != nullptr; });
    Client fresh(scene.path);
    scene.until_closed(idle);
    fresh.call("t.one");
    CHECK(scene.replies(fresh, 1));
    scene.methods.answer = true;
    scene.methods.waiting->notify();
    CHECK(scene.replies(busy, 1));
}

TEST_CASE("who may only look cannot take the places kept for who may change things") {
    Authority strict = make_authority({});
    strict.own_uid = strict.overflow_uid = ::geteuid(); // we may only look
    ServerLimits limits;
    limits.clients = 2;
    limits.reserved = 2;
    Scene scene(limits, strict);
    Client looker(scene.path);
    scene.until_closed(looker);
    CHECK(has(looker, wire::control_error::busy));
}

TEST_CASE("a thousand connections do no harm") {
    ServerLimits limits;
    limits.yields_after = std::chrono::hours(1);
    Scene scene(limits);
    std::vector<std::unique_ptr<Client>> crowd;
    for (int number = 0; number < 1000; ++number) {
        crowd.push_back(std::make_unique<Client>(scene.path));
        test::settle(scene.io);
    }
    CHECK(scene.server->clients() == 256);
    crowd.front()->call("t.one");
    CHECK(scene.replies(*crowd.front(), 1));
    crowd.clear();
    test::run_until(scene.io, [&] { return scene.server->clients() == 0; });
    Client after(scene.path);
    after.call("t.one");
    CHECK(scene.replies(after, 1));
}

TEST_CASE("at the end every client gets what is queued for it, and the path is removed") {
    TemporaryDirectory directory;
    asio::io_context io;
    FakeMethods methods;
    auto server = std::make_unique<ControlServer>(io, methods, make_authority({}));
    REQUIRE(server->listen(directory / "control").ok());
    Client idle(directory / "control");
    Client waiting(directory / "control");
    waiting.call("t.wait");
    test::run_until(io, [&] { return methods.waiting != nullptr && server->clients() == 2; });
    bool gone = false;
    server->finish([&] { gone = true; });
    methods.answer = true;
    methods.waiting->notify();
    test::run_until(io, [&] { return gone; });
    CHECK_FALSE(waiting.receive());
    CHECK(waiting.replies() == 1);
    CHECK_FALSE(idle.receive());
    server.reset();
    CHECK_FALSE(std::filesystem::exists(directory / "control"));
}
