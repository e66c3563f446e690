// Where a probe goes, for one worker.
#include "wire/probe_target.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::wire;
using rollout::HttpHook;
using rollout::HttpProbe;
using rollout::ListenerSpec;
using rollout::TcpProbe;

namespace {

const ProbeTarget target{"r7-2.1", 2, 4711};

} // namespace

TEST_CASE("a worker's name, replica and pid are put into an address") {
    CHECK(expand_probe("a{worker}b{replica}c{pid}", target).value() == "ar7-2.1b2c4711");
    CHECK(expand_probe("plain}", target).value() == "plain}");
    CHECK(expand_probe("", target).value().empty());
    CHECK(expand_probe("{name}", target).error().message ==
          "there is no {name} here; write {worker}, {replica} or {pid}");
    CHECK_FALSE(expand_probe("{worker", target).ok());
    CHECK_FALSE(expand_probe("{}", target).ok());
}

TEST_CASE("a request goes to the address of the probe, or to the worker's own socket") {
    CHECK(probe_request(HttpProbe{"unix:/run/{worker}.sock:/ok?pid={pid}", ""}, target).value() ==
          HttpHook{"GET", parse_address("unix:/run/r7-2.1.sock").value(), "localhost",
                   "/ok?pid=4711"});
    CHECK(probe_request(HttpProbe{"http://127.0.0.1:900{replica}/ok", ""}, target).value() ==
          HttpHook{"GET", parse_address("127.0.0.1:9002").value(), "127.0.0.1:9002", "/ok"});
    const Address own = parse_address("127.0.0.1:40000").value();
    CHECK(probe_request(HttpProbe{"/{replica}", "health"}, target, own).value() ==
          HttpHook{"GET", own, "127.0.0.1:40000", "/2"});
    const Address path = parse_address("unix:/run/own.sock").value();
    CHECK(probe_request(HttpProbe{"/ok", "health"}, target, path).value() ==
          HttpHook{"GET", path, "localhost", "/ok"});
    CHECK(probe_request(HttpProbe{"/ok", "health"}, target).error().message ==
          "the worker has no socket of listener health");
    CHECK(probe_request(HttpProbe{"http://web/", ""}, target)
              .error()
              .message.find("not a place for an HTTP probe") != std::string::npos);
}

TEST_CASE("a connect goes to the address of the probe") {
    CHECK(probe_address(TcpProbe{"127.0.0.1:900{replica}"}, target).value() ==
          parse_address("127.0.0.1:9002").value());
    CHECK(probe_address(TcpProbe{"unix:@web-{pid}"}, target).value() ==
          parse_address("unix:@web-4711").value());
    for (const std::string text : {"{replica}", "127.0.0.1:0", "udp:127.0.0.1:1", "systemd:web"})
        CHECK_FALSE(probe_address(TcpProbe{text}, target).ok());
}

TEST_CASE("a worker's own listener has its name in the path") {
    ListenerSpec listener;
    listener.scope = rollout::ListenerScope::worker;
    listener.address = parse_address("unix:/run/{worker}.sock").value();
    CHECK(private_address(listener, "r7-2").value() ==
          parse_address("unix:/run/r7-2.sock").value());
    listener.address = parse_address("127.0.0.1:0").value();
    CHECK(private_address(listener, "r7-2").value() == listener.address);
    listener.address = parse_address("unix:@{pid}").value();
    CHECK_FALSE(private_address(listener, "r7-2").ok());
}
