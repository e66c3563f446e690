#include "svcd/front/metrics_server.h"

#include "support.h"

#include "base/unique_fd.h"

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
namespace asio = boost::asio;

namespace {

struct House {
    test::TemporaryDirectory directory;
    asio::io_context io;
    int collected = 0;
    FdStore store{io, nullptr};
    MetricsServer server;
    std::string path = directory.path() + "/metrics";

    explicit House(MetricsLimits limits)
        : server(
              io, store,
              [this]() -> asio::awaitable<std::vector<wire::MetricFamily>> {
                  ++collected;
                  std::vector<wire::MetricFamily> families;
                  families.push_back(wire::make_family("gauge", "svc_up", "", "Up."));
                  add_sample(families.back(), {}, 1);
                  co_return families;
              },
              limits) {
        REQUIRE(server.open(*parse_address("unix:" + path)).ok());
    }
    ~House() {
        server.close();
        test::settle(io);
    }

    UniqueFd connect() {
        UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                          sizeof address) == 0);
        test::settle(io);
        test::settle(io);
        return socket;
    }
    static void say(const UniqueFd& socket, std::string_view text) {
        // The server may have hung up.
        static_cast<void>(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL));
    }
    /// Up to the end of the connection.
    std::string hear(const UniqueFd& socket) {
        std::string heard;
        bool ended = false;
        test::run_until(io, [&] {
            std::array<char, 4096> bytes;
            for (;;) {
                const auto got = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
                if (got <= 0) {
                    ended = got == 0 || errno != EAGAIN;
                    return ended;
                }
                heard.append(bytes.data(), static_cast<std::size_t>(got));
            }
        });
        return heard;
    }
};

constexpr std::string_view request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

MetricsLimits of(std::size_t clients, Duration time = test::patience) {
    return {.clients = clients, .head = 512, .time = time};
}

} // namespace

TEST_CASE(
    "who asks gets the metrics and the end of the connection; a HEAD gets only how long they are") {
    House house(of(4));
    const auto client = house.connect();
    House::say(client, request);
    const auto answer = house.hear(client);
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.ends_with("\r\n\r\n# HELP svc_up Up.\n# TYPE svc_up gauge\nsvc_up 1\n"));
    const auto other = house.connect();
    House::say(other, "HEAD /metrics HTTP/1.1\r\n\r\n");
    const auto head = house.hear(other);
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(head.find("Content-Length: 47\r\n") != std::string::npos);
    CHECK(house.collected == 1); // many who ask cost no more than one
}

TEST_CASE("a request that is too long is refused, and nothing is collected for it") {
    House house(of(4));
    const auto client = house.connect();
    House::say(client, "GET /metrics HTTP/1.1\r\nX: " + std::string(2000, 'x'));
    CHECK(house.hear(client).starts_with("HTTP/1.1 431 "));
    CHECK(house.collected == 0);
}

TEST_CASE("what is no HTTP is refused, and where the metrics are is told") {
    House house(of(4));
    for (const std::string_view text :
         {"GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET /metrics HTTP/2\r\n\r\n",
          "\x16\x03\x01\x02\x02\r\n", " /metrics HTTP/1.1\r\n\r\n",
          "GET /metrics HTTP/1.1\r\nno field\r\n\r\n"}) {
        const auto client = house.connect();
        House::say(client, text);
        CHECK_MESSAGE(house.hear(client).starts_with("HTTP/1.1 400 "), text);
    }
    const auto client = house.connect();
    House::say(client, "POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    const auto answer = house.hear(client);
    CHECK(answer.starts_with("HTTP/1.1 405 "));
    CHECK(answer.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    CHECK(answer.ends_with("The metrics are at /metrics.\n"));
    CHECK(house.collected == 0);
}

TEST_CASE("who keeps a place without asking gives way to who comes") {
    House house(of(2));
    const auto first = house.connect();
    const auto second = house.connect();
    House::say(second, "GET /metr");
    const auto third = house.connect();
    House::say(third, request);
    CHECK(house.hear(third).starts_with("HTTP/1.1 200 "));
    CHECK(house.hear(first).empty());
    House::say(second, "ics HTTP/1.1\r\n\r\n");
    CHECK(house.hear(second).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a client has a bounded time") {
    House house(of(2, std::chrono::milliseconds(20)));
    const auto client = house.connect();
    House::say(client, "GET /metrics HTTP/1.1\r\n");
    CHECK(house.hear(client).empty());
}

TEST_CASE("an address that is not wanted any more is closed, and its path removed") {
    House house(of(2));
    const auto other = *parse_address("127.0.0.1:0");
    REQUIRE(house.server.open(other).ok());
    CHECK(house.server.bound().size() == 2);
    CHECK(house.server.bound()[1].port != 0);
    house.server.keep_only({other});
    CHECK(house.server.bound().size() == 1);
    CHECK(::access(house.path.c_str(), F_OK) != 0);
}

TEST_CASE("one whose path was removed is opened anew") {
    House house(of(2));
    REQUIRE(::unlink(house.path.c_str()) == 0);
    REQUIRE(house.server.open(*parse_address("unix:" + house.path)).ok());
    CHECK(house.server.bound().size() == 1);
    const auto client = house.connect();
    House::say(client, request);
    CHECK(house.hear(client).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("an address that somebody has is an error that names the key and the address") {
    House house(of(2));
    asio::io_context io;
    FdStore store(io, nullptr);
    MetricsServer second(io, store, nullptr);
    const auto opened = second.open(*parse_address("unix:" + house.path));
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().message.find("metrics.listen: ") == 0);
    CHECK(opened.error().message.find(house.path) != std::string::npos);
}
