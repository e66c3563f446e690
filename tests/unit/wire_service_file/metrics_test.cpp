// [metrics]: where they can be had over HTTP.
#include "helpers.h"

using namespace svc;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

std::string with(const std::string& lines) {
    return minimal + "[metrics]\n" + lines;
}

} // namespace

TEST_CASE("without the table nobody is listened to") {
    CHECK_FALSE(spec_of(minimal).metrics);
}

TEST_CASE("metrics are at a TCP address or a unix path") {
    for (const std::string address :
         {"127.0.0.1:9464", "[::1]:9464", "unix:/run/web-metrics.sock"}) {
        const auto spec = spec_of(with("listen = \"" + address + "\"\n"));
        REQUIRE(spec.metrics);
        CHECK(spec.metrics->listen == *parse_address(address));
    }
}

TEST_CASE("what does not speak HTTP is refused, and so is a table that says nothing") {
    for (const std::string address : {"udp:127.0.0.1:9464", "unix-dgram:/run/x", "systemd:metrics"})
        check_mistake(with("listen = \"" + address + "\"\n"), "4:10 metrics.listen",
                      "does not speak HTTP");
    CHECK(mistakes_of(with("")).find("write listen = \"127.0.0.1:9464\"") != std::string::npos);
    check_mistake(with("listen = \"localhost:9464\"\n"), "4:10 metrics.listen", "localhost");
    check_mistake(with("listen = 9464\n"), "4:10 metrics.listen", "\"127.0.0.1:9464\"");
    check_mistake(with("listen = \"127.0.0.1:9464\"\nport = 1\n"), "5:1 metrics.port",
                  "no such key");
}

TEST_CASE("the workers' address is not the metrics'") {
    check_mistake(with("listen = \"127.0.0.1:80\"\n") +
                      "[[listener]]\naddress = \"127.0.0.1:80\"\nname = \"http\"\n",
                  "4:10 metrics.listen", "listener http");
    check_mistake(with("listen = \"0.0.0.0:80\"\n") +
                      "[[listener]]\naddress = \"127.0.0.1:80\"\nname = \"http\"\n",
                  "4:10 metrics.listen", "listener http, 127.0.0.1:80");
    check_mistake(with("listen = \"unix:/run/web.sock\"\n") +
                      "[[listener]]\naddress = \"unix:/run/web.sock\"\nname = \"http\"\n",
                  "4:10 metrics.listen", "listener http");
    for (const std::string other : {"127.0.0.1:0", "127.0.0.1:81", "[::1]:80"})
        CHECK(mistakes_of(with("listen = \"" + other + "\"\n") +
                          "[[listener]]\naddress = \"127.0.0.1:80\"\n") == "");
}
