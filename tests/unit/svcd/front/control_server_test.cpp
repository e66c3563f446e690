// The control server over a real socket, with methods that do next to nothing.
#include "svcd/front/control_server.h"

#include "base/unique_fd.h"
#include "support.h"
#include "wire/control.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using svc::test::TemporaryDirectory;
namespace asio = boost::asio;

namespace {

/// "echo" answers at once, "wait" when the test says so, "flood" sends more than any queue holds.
class FakeMethods : public CallHandler {
public:
    asio::awaitable<void> handle(const wire::VarlinkCall& call, Caller& caller) override {
        calls.push_back(call.method);
        wire::VarlinkReply reply;
        reply.parameters["method"] = call.method;
        if (call.method == "t.wait") {
            waiting = &caller.wakeup();
            while (!caller.gone() && !answer)
                co_await caller.wakeup().wait();
            waiting = nullptr;
            vanished += caller.gone() ? 1 : 0;
        }
        if (call.method == "t.flood") {
            reply.continues = true;
            reply.parameters["text"] = std::string(64 << 10, 'x');
            for (int sent = 0; sent < 1000 && !caller.gone(); ++sent)
                caller.reply(reply);
            flooded = true;
            co_return;
        }
        caller.reply(reply);
    }
    std::vector<std::string> calls;
    Wakeup* waiting = nullptr;
    bool answer = false;
    bool flooded = false;
    int vanished = 0;
};

class Client {
public:
    explicit Client(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    /// What the socket takes.
    std::size_t send(std::string_view bytes) const {
        const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }
    void call(const std::string& method, bool oneway = false) const {
        wire::VarlinkCall made;
        made.method = method;
        made.oneway = oneway;
        const std::string bytes = wire::encode(made);
        REQUIRE(send(bytes) == bytes.size());
    }
    /// Takes what has come; false after end-of-file.
    bool receive() {
        char bytes[65536];
        for (;;) {
            const auto count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
            if (count > 0) {
                received.append(bytes, static_cast<std::size_t>(count));
                replies_ += static_cast<std::size_t>(std::count(bytes, bytes + count, '\0'));
            } else
                return count < 0 && errno == EAGAIN;
        }
    }
    [[nodiscard]] std::size_t replies() const { return replies_; }
    void end_sending() const { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    std::string received;

private:
    UniqueFd fd_;
    std::size_t replies_ = 0;
};

struct Scene {
    explicit Scene(ServerLimits limits = {}, Authority authority = make_authority({}))
        : server(std::make_unique<ControlServer>(io, methods, authority, limits)) {
        REQUIRE(server->listen(path).ok());
    }
    ~Scene() {
        server->finish([] {});
        methods.answer = true;
        test::settle(io);
        server.reset();
        test::settle(io);
    }
    bool replies(Client& client, std::size_t count) {
        test::run_until(io, [&] { return !client.receive() || client.replies() >= count; });
        return client.replies() == count;
    }
    void until_closed(Client& client) {
        test::run_until(io, [&] { return !client.receive(); });
    }

    TemporaryDirectory directory;
    std::string path = directory / "control";
    asio::io_context io;
    FakeMethods methods;
    std::unique_ptr<ControlServer> server;
};

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
