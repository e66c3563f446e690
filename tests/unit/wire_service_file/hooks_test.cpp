#include "helpers.h"

#include <csignal>

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

Hook pre_stop(const std::string& hook) {
    const Spec spec = spec_of(minimal + "[stop]\npre_stop = " + hook + "\n");
    REQUIRE(spec.stop.pre_stop.has_value());
    return spec.stop.pre_stop->what;
}

HttpHook http(const std::string& url) {
    return std::get<HttpHook>(pre_stop("{ http = \"" + url + "\" }"));
}

void refused(const std::string& hook, const std::string& place, const std::string& words) {
    check_mistake(minimal + "[stop]\npre_stop = " + hook + "\n", place, words);
}

} // namespace

TEST_CASE("a hook runs, waits or signals") {
    CHECK(pre_stop("{ exec = [\"/bin/a\", \"b\"] }") == Hook(ExecHook{{"/bin/a", "b"}}));
    CHECK(pre_stop("{ sleep = \"5s\" }") == Hook(SleepHook{5s}));
    CHECK(pre_stop("{ signal = \"SIGUSR1\" }") == Hook(SignalHook{SIGUSR1}));
}

TEST_CASE("an HTTP hook has an address, a Host header and a target") {
    CHECK(
        http("http://127.0.0.1:9000/drain?now=1") ==
        HttpHook{"GET", parse_address("127.0.0.1:9000").value(), "127.0.0.1:9000", "/drain?now=1"});
    CHECK(http("http://127.0.0.1") ==
          HttpHook{"GET", parse_address("127.0.0.1:80").value(), "127.0.0.1", "/"});
    CHECK(http("http://[::1]:9000?x") ==
          HttpHook{"GET", parse_address("[::1]:9000").value(), "[::1]:9000", "/?x"});
    CHECK(http("http://[::1]/a:b/c") ==
          HttpHook{"GET", parse_address("[::1]:80").value(), "[::1]", "/a:b/c"});
    CHECK(http("unix:/run/x.sock:/drain") ==
          HttpHook{"GET", parse_address("unix:/run/x.sock").value(), "localhost", "/drain"});
    CHECK(http("unix:@x:/drain:/y") ==
          HttpHook{"GET", parse_address("unix:@x").value(), "localhost", "/drain:/y"});
    CHECK(http("unix:/run/x.sock") ==
          HttpHook{"GET", parse_address("unix:/run/x.sock").value(), "localhost", "/"});
    CHECK(std::get<HttpHook>(pre_stop("{ http = \"http://127.0.0.1:1/\", method = \"POST\" }"))
              .method == "POST");
}

TEST_CASE("an HTTP hook that cannot be sent is refused") {
    const std::string place = "4:21 stop.pre_stop.http";
    refused("{ http = \"https://127.0.0.1/\" }", place, "plain HTTP");
    refused("{ http = \"http://localhost/\" }", place, "names are not looked up");
    refused("{ http = \"http://web.example/\" }", place, "names are not looked up");
    refused("{ http = \"127.0.0.1:80/\" }", place, "write http://127.0.0.1:9000/drain");
    refused("{ http = \"http://127.0.0.1:0/\" }", place, "port of 0");
    refused("{ http = \"http://:80/\" }", place, "host is missing");
    refused("{ http = \"http:///x\" }", place, "host is missing");
    refused("{ http = \"http://8080/\" }", place, "literal");
    refused("{ http = \"http://u:p@127.0.0.1/\" }", place, "password");
    refused("{ http = \"http://127.0.0.1/a b\" }", place, "space");
    refused("{ http = \"http://127.0.0.1/\\r\\nX: y\" }", place, "space");
    refused("{ http = \"http://127.0.0.1/#a\" }", place, "#");
    refused("{ http = \"unix:relative:/x\" }", place, "starts with /");
    refused("{ http = \"http://127.0.0.1/\", method = \"BREW\" }", "4:51 stop.pre_stop.method",
            "write GET");
}

TEST_CASE("a hook does exactly one thing") {
    refused("{ exec = [\"/a\"], sleep = \"1s\" }", "4:12 stop.pre_stop", "a hook does one thing");
    refused("{}", "4:12 stop.pre_stop", "it is empty");
    refused("{ slep = \"1s\" }", "4:14 stop.pre_stop.slep", "did you mean sleep?");
    refused("{ sleep = \"1s\", method = \"GET\" }", "4:37 stop.pre_stop.method",
            "it belongs to http");
    refused("[\"/a\"]", "4:12 stop.pre_stop", "a list stands here");
    refused("{ sleep = 5 }", "4:22 stop.pre_stop.sleep", "an integer stands here");
}
