// What is made of a Spec once it is read: expansion, conflicts with open sockets, plain sentences.
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

Spec with_listener(const std::string& lines) {
    return spec_of(minimal + "[[listener]]\nname = \"web\"\n" + lines);
}

} // namespace

TEST_CASE("${release} is replaced and $$ is a dollar") {
    CHECK(expand("a${release}b${release}", "/r").value() == "a/rb/r");
    CHECK(expand("$${release} $$ $ $x", "/r").value() == "${release} $ $ $x");
    CHECK(expand("", "/r").value().empty());
    // What was put in is not looked at again.
    CHECK(expand("${release}", "$$${release}").value() == "$$${release}");
    CHECK(expand("${other}", "/r").error().message.find("there is no ${other}") !=
          std::string::npos);
    CHECK_FALSE(expand("${release", "/r").ok());
    CHECK_FALSE(expand("${}", "/r").ok());
}

TEST_CASE("a creation-only option at an unchanged address is a conflict, said with the remedy") {
    const Spec open = with_listener("address = \"[::]:80\"\n");
    const Spec next = with_listener("address = \"[::]:80\"\nv6only = false\nnonblock = true\n");
    CHECK(creation_conflicts(open, next) ==
          std::vector<std::string>{
              "listener web ([::]:80): v6only, nonblock cannot change while the socket is open; "
              "change it back, give the listener another address, or stop the service and start "
              "it again"});
}

TEST_CASE("a conflict is found under another name too") {
    Spec next = with_listener("address = \"80\"\nreuse_port = true\n");
    next.listeners.front().name = "other";
    CHECK(creation_conflicts(with_listener("address = \"80\"\n"), next).size() == 1);
}

TEST_CASE("what an open socket can become is no conflict") {
    const Spec open = with_listener("address = \"80\"\n");
    CHECK(creation_conflicts(open, with_listener("address = \"80\"\nbacklog = 1\n")).empty());
    CHECK(creation_conflicts(open, with_listener("address = \"81\"\nreuse_port = true\n")).empty());
    CHECK(creation_conflicts(open, spec_of(minimal)).empty());
    CHECK(creation_conflicts(spec_of(minimal), open).empty());
    CHECK(creation_conflicts(with_listener("address = \"unix:/a\"\n"),
                             with_listener("address = \"unix:/a\"\nmode = \"0666\"\n"))
              .empty());
}

TEST_CASE("two listeners on any port are told apart by name") {
    const Spec open = with_listener("address = \"0\"\n");
    Spec next = with_listener("address = \"0\"\nreuse_port = true\n");
    CHECK(creation_conflicts(open, next).size() == 1);
    next.listeners.front().name = "other";
    CHECK(creation_conflicts(open, next).empty());
}

TEST_CASE("a path cannot change its socket type while it is open") {
    const auto conflicts = creation_conflicts(with_listener("address = \"unix:/a\"\n"),
                                              with_listener("address = \"unix-seqpacket:/a\"\n"));
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts.front().find("the socket type cannot change") != std::string::npos);
}

TEST_CASE("a spec is explained in plain sentences") {
    const Spec spec = spec_of(R"([service]
command = ["${release}/bin/web", "--quiet"]
release = "/srv/web/current"
check = ["${release}/bin/web", "--check"]
user = "web"
directory = "/srv/web"
[[listener]]
name = "http"
address = "8080"
[rollout]
replicas = 4
max_surge = "25%"
min_ready = "5s"
[stop]
pre_stop = { http = "http://127.0.0.1:9000/drain", method = "POST" }
)");
    CHECK(explain_spec(spec, "web") ==
          R"(Service web. It listens on 0.0.0.0:8080 (http).
Each worker runs: ${release}/bin/web --quiet
It runs as the user web, in /srv/web.
${release} is what /srv/web/current leads to when a revision is made.
Before a rollout ${release}/bin/web --check must succeed within 1m.
4 workers serve. A rollout starts up to 1 more and retires old ones only while at least 4 are available; with those that drain there are never more than 9 workers. It is taken back as soon as a new worker fails, or when nothing moved for 10m.
A worker is ready when it sends READY=1, and has failed if it did not within 1m; it is available once it has been ready for 5s.
To stop a worker:
  - POST /drain at 127.0.0.1:9000 (at most 28s, while it still serves)
  - send SIGTERM to it and wait for its exit
  - 30s after the beginning, kill what is left of it (it may ask for up to 10m)
A worker that ends by itself is started again after 100ms, then twice as long each time, up to 30s.
)");
}

TEST_CASE("a thousand listeners are explained by the first ones") {
    std::string text = minimal;
    for (int i = 0; i < 1000; ++i)
        text += "[[listener]]\naddress = \"unix:@" + std::to_string(i) + "\"\n";
    CHECK(explain_spec(spec_of(text), "web").find("unix:@7 (7) and 992 more.") !=
          std::string::npos);
}
