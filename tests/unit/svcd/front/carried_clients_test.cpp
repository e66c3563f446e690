// Clients that go on with another program.
#include "svcd/front/carried_clients.h"

#include "control_scene.h"
#include "os/fd.h"
#include "svcd/host/survival/kept_names.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <map>
#include <sys/socket.h>

using namespace svc;
using namespace svc::daemon;

namespace {

const std::vector<Unfinished> some{{"", ""}, {std::string("{}\0 \n", 5), "reply"}, {"1 2\n", ""}};

/// What an exec would bring to the next program.
KeptFds as_kept(const NamedFds& fds) {
    std::map<std::string, UniqueFd> kept;
    for (const auto& [name, fd] : fds)
        kept.emplace(name, std::move(*os::duplicate(fd)));
    return KeptFds(std::move(kept));
}

} // namespace

TEST_CASE("what is unfinished comes back as it was, whatever its bytes") {
    CHECK(*decode_clients(encode_clients(some)) == some);
    CHECK(decode_clients(encode_clients({}))->empty());
}

TEST_CASE("a list that is cut off or wrong is refused") {
    const std::string whole = encode_clients(some);
    std::size_t right = 0;
    for (std::size_t length = 0; length < whole.size(); ++length)
        right += decode_clients(std::string_view(whole).substr(0, length)).ok() ? 1 : 0;
    CHECK(right == 3); // the ends of the first line and of two clients
    for (const std::string bad : {"5 0\nabc", "x 0\n", "1\n", "-1 0\n", "99999999999999999999 0\n",
                                  "8000000 0\n", "1 1 1\nab"})
        CHECK_FALSE(decode_clients("svc-clients 1\n" + bad).ok());
    CHECK_FALSE(decode_clients("svc-clients 2\n").ok());
}

TEST_CASE("connections are handed over with what belongs to them") {
    std::array<int, 2> first{};
    std::array<int, 2> second{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, first.data()) == 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second.data()) == 0);
    const std::array<UniqueFd, 4> all{UniqueFd(first[0]), UniqueFd(first[1]), UniqueFd(second[0]),
                                      UniqueFd(second[1])};
    NamedFds fds;
    auto file = hand_over_clients({{first[0], some[1]}, {second[0], some[2]}}, fds);
    REQUIRE(file.ok());
    auto kept = as_kept(fds);
    auto taken = take_clients(kept);
    REQUIRE(taken.ok());
    REQUIRE(taken->size() == 2);
    CHECK(kept.empty());
    CHECK((*taken)[0].second == some[1]);
    CHECK((*taken)[1].second == some[2]);
    REQUIRE(::send((*taken)[1].first.get(), "x", 1, 0) == 1);
    char byte = 0;
    CHECK(::recv(second[1], &byte, 1, MSG_DONTWAIT) == 1);
}

TEST_CASE("without a list there are no clients, and one without its connection is none") {
    KeptFds none;
    CHECK(take_clients(none)->empty());
    NamedFds fds;
    auto file = hand_over_clients({{0, some[1]}}, fds);
    std::erase_if(fds, [](const auto& entry) { return entry.first == kept_client(0); });
    auto kept = as_kept(fds);
    CHECK(take_clients(kept)->empty());
}

namespace {

/// Another server with the clients of the first, as after an exec: duplicates of their connections, and nothing
/// that happens in between.
struct NextProgram {
    explicit NextProgram(Scene& scene, ServerLimits limits = {},
                         Authority authority = make_authority({}))
        : server(std::make_unique<ControlServer>(scene.io, methods, authority, limits)) {
        std::vector<std::pair<UniqueFd, Unfinished>> clients;
        for (auto& [fd, unfinished] : scene.server->carried())
            clients.emplace_back(UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)), std::move(unfinished));
        carried = clients.size();
        scene.server.reset();
        server->take_over(std::move(clients));
    }
    FakeMethods methods;
    std::size_t carried = 0;

private:
    std::unique_ptr<ControlServer> server;
};

} // namespace

TEST_CASE(
    "a client goes on in another program, with half a message and more calls than were begun") {
    Scene scene;
    Client client(scene.path);
    const std::string bytes("{\"method\":\"t.late\"}\0", 20);
    wire::VarlinkCall call{.method = "t.wait"};
    call.parameters["goes on"] = true;
    client.send(wire::encode(call));
    client.call("t.queued");
    client.send(bytes.substr(0, 12));
    test::run_until(scene.io, [&] { return scene.methods.waiting != nullptr; });
    test::settle(scene.io);
    NextProgram next(scene);
    CHECK(next.carried == 1);
    client.send(bytes.substr(12));
    CHECK(scene.replies(client, 3));
    CHECK(next.methods.calls == std::vector<std::string>{"t.rest", "t.queued", "t.late"});
    CHECK(client.received.find("t.rest") < client.received.find("t.queued"));
    CHECK(scene.methods.calls == std::vector<std::string>{"t.wait"});
    client.call("t.new");
    CHECK(scene.replies(client, 4));
}

TEST_CASE("replies that a client has not taken come from the next program, each once") {
    Scene scene;
    Client client(scene.path);
    constexpr int all = 100;
    for (int number = 0; number < all; ++number) // the answers are more than its socket holds
        client.call("t.wide" + std::to_string(number));
    test::run_until(scene.io, [&] {
        const auto carried = scene.server->carried();
        return !carried.empty() && !carried[0].second.replies.empty();
    });
    test::settle(scene.io);
    NextProgram next(scene);
    CHECK(scene.replies(client, all));
    std::size_t at = 0;
    for (int number = 0; number < all; ++number) {
        at = client.received.find("\"t.wide" + std::to_string(number) + '"', at);
        REQUIRE(at != std::string::npos);
    }
    CHECK(!next.methods.calls.empty());
    CHECK(scene.methods.calls.size() + next.methods.calls.size() == all);
}

TEST_CASE("a call that no other program can go on with ends with its connection") {
    Scene scene;
    Client client(scene.path);
    client.call("t.wait");
    test::run_until(scene.io, [&] { return scene.methods.waiting != nullptr; });
    NextProgram next(scene);
    CHECK(next.carried == 0);
    scene.until_closed(client);
}

TEST_CASE("every client that had a place has one in the next program, in whatever order they are "
          "taken over") {
    Scene scene;
    Client first(scene.path);
    Client second(scene.path);
    first.call("t.echo");
    second.call("t.echo");
    CHECK(scene.replies(first, 1));
    CHECK(scene.replies(second, 1));
    // Nobody may change things there, and of two places one is kept for who may.
    NextProgram next(scene, {.clients = 2, .reserved = 1},
                     {.own_uid = 1, .overflow_uid = ::geteuid()});
    first.call("t.new");
    second.call("t.new");
    CHECK(scene.replies(first, 2));
    CHECK(scene.replies(second, 2));
    CHECK(next.methods.calls == std::vector<std::string>{"t.new", "t.new"});
}

TEST_CASE("who asked, ended its sending side and reads slowly has the whole answer") {
    Scene scene;
    Client client(scene.path);
    const auto left = [&] {
        const auto carried = scene.server->carried();
        return !carried.empty() && !carried[0].second.replies.empty();
    };
    std::size_t all = 0;
    for (; !left(); ++all) { // until an answer is more than its socket holds
        client.call("t.wide" + std::to_string(all));
        test::run_until(scene.io, [&] { return scene.methods.calls.size() > all; });
        test::settle(scene.io);
    }
    client.end_sending();
    test::settle(scene.io);
    NextProgram next(scene);
    CHECK(next.carried == 1);
    scene.until_closed(client);
    CHECK(client.replies() == all);
}
