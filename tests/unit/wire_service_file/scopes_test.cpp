// Listeners of which each worker (private) or each revision (preview) has its own.
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

std::string listener(const std::string& lines) {
    return minimal + "[[listener]]\nname = \"own\"\n" + lines;
}

ListenerSpec read(const std::string& lines) {
    return spec_of(listener(lines)).listeners.front();
}

const std::string blue_green = "[rollout]\nstrategy = \"blue-green\"\n";

} // namespace

TEST_CASE("a listener is the service's, each worker's or each revision's") {
    CHECK(read("address = \"80\"\n").scope == ListenerScope::service);
    CHECK(read("address = \"80\"\nprivate = false\npreview = false\n").scope ==
          ListenerScope::service);
    for (const std::string address :
         {"127.0.0.1:0", "[::1]:0", "unix:/run/{worker}.sock", "unix:@web/{worker}"})
        CHECK(read("address = \"" + address + "\"\nprivate = true\n").scope ==
              ListenerScope::worker);
    CHECK(read("address = \"127.0.0.1:8081\"\npreview = true\n" + blue_green).scope ==
          ListenerScope::revision);
    check_marked(listener("address = \"80\"\nprivate = true\npreview = ^true\n" + blue_green),
                 "listener[1].preview", "take one of them out");
    check_marked(listener("address = \"0\"\nprivate = ^1\n"), "listener[1].private",
                 "an integer stands here");
}

TEST_CASE("a worker's own listener can be one for each worker") {
    const auto refused = [](const std::string& lines, const std::string& key,
                            const std::string& words) {
        CAPTURE(lines);
        check_marked(listener(lines), "listener[1]." + key, words);
    };
    refused("address = ^\"127.0.0.1:9000\"\nprivate = true\n", "address",
            "not every worker can have port 9000 of its own; write port 0");
    refused("address = ^\"unix:/run/web.sock\"\nprivate = true\n", "address",
            "is the same for every worker; write {worker} into it");
    refused("address = ^\"unix:@web-{replica}\"\nprivate = true\n", "address",
            "is the same for every worker");
    refused("address = ^\"unix:/run/{worker}-{pid}.sock\"\nprivate = true\n", "address",
            "there is no {pid} here; write {worker}");
    refused("address = ^\"unix:/" + std::string(95, 'x') + "{worker}\"\nprivate = true\n",
            "address", "at most 107 bytes");
    refused("address = \"udp:127.0.0.1:0\"\nprivate = ^true\n", "private", "only a stream socket");
    refused("address = \"unix-dgram:/run/{worker}\"\nprivate = ^true\n", "private",
            "only a stream socket");
    refused("address = \"systemd:own\"\nprivate = ^true\n", "private", "systemd passes one socket");
    refused("address = ^\"unix:/run/{worker}.sock\"\n", "address",
            "all of them share this socket; write private = true");
}

TEST_CASE("a preview belongs to a second set, at a port that is known") {
    check_marked(listener("address = \"127.0.0.1:8081\"\npreview = ^true\n"), "listener[1].preview",
                 "only strategy = \"blue-green\" has a second set");
    check_marked(listener("address = \"unix:/run/next.sock\"\npreview = ^true\n" + blue_green),
                 "listener[1].preview", "only a TCP listener");
    check_marked(listener("address = \"udp:127.0.0.1:8081\"\npreview = ^true\n" + blue_green),
                 "listener[1].preview", "only a TCP listener");
    check_marked(listener("address = ^\"127.0.0.1:0\"\npreview = true\n" + blue_green),
                 "listener[1].address", "must know its port");
    CHECK(mistakes_of(listener("address = \"systemd:next\"\npreview = true\n" + blue_green))
              .find("only a TCP listener") != std::string::npos);
}

TEST_CASE("a worker's own listener is never the same socket as a shared one") {
    const Spec shared = spec_of(listener("address = \"127.0.0.1:0\"\n"));
    const Spec own = spec_of(listener("address = \"127.0.0.1:0\"\nprivate = true\n"));
    CHECK(listener_identity(shared.listeners[0]) != listener_identity(own.listeners[0]));
    Spec changed = own;
    changed.listeners[0].options.reuse_port = true;
    CHECK(creation_conflicts(own, changed).empty()); // each worker gets a new one
}

TEST_CASE("an open socket does not become a preview") {
    const Spec open = spec_of(listener("address = \"127.0.0.1:8081\"\n"));
    const Spec next =
        spec_of(listener("address = \"127.0.0.1:8081\"\npreview = true\n" + blue_green));
    const auto conflicts = creation_conflicts(open, next);
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts.front().find("preview cannot change while the socket is open") !=
          std::string::npos);
}
