// Probes: what each form means, and that none can be answered by another worker.
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

const std::string own_socket =
    "[[listener]]\nname = \"health\"\naddress = \"127.0.0.1:0\"\nprivate = true\n";
const std::string shared = "[[listener]]\nname = \"http\"\naddress = \"0.0.0.0:8080\"\n";
const std::string recreate = "[rollout]\nstrategy = \"recreate\"\nreplicas = 3\n";

ProbeSpec ready_probe(const std::string& probe, const std::string& before = own_socket) {
    const ReadySpec ready = spec_of(minimal + before + "[ready]\nprobe = " + probe + "\n").ready;
    CHECK(ready.on == ReadyOn::probe);
    REQUIRE(ready.probe.has_value());
    return *ready.probe;
}

void accepted(const std::string& probe, const std::string& before = "") {
    const std::string mistakes = mistakes_of(minimal + before + "[ready]\nprobe = " + probe + "\n");
    CAPTURE(probe);
    CHECK(mistakes == "");
}

/// `marked` has a ^ where the mistake is.
void refused(const std::string& marked, const std::string& key, const std::string& words,
             const std::string& before = "") {
    CAPTURE(marked);
    check_marked(minimal + before + "[ready]\nprobe = " + marked + "\n", key, words);
}

} // namespace

TEST_CASE("a probe runs a command, asks for an answer or connects") {
    CHECK(ready_probe("{ exec = [\"/bin/check\", \"now\"] }") ==
          ProbeSpec{.what = ExecHook{{"/bin/check", "now"}}, .failure_threshold = 0});
    CHECK(ready_probe("{ http = \"/healthz?full=1\", listener = \"health\" }").what ==
          Probing(HttpProbe{"/healthz?full=1", "health"}));
    CHECK(ready_probe("{ http = \"unix:/run/web-{worker}.sock:/healthz\" }").what ==
          Probing(HttpProbe{"unix:/run/web-{worker}.sock:/healthz", ""}));
    CHECK(ready_probe("{ tcp = \"unix:/run/web-{pid}.sock\" }").what ==
          Probing(TcpProbe{"unix:/run/web-{pid}.sock"}));
}

TEST_CASE("how often a probe asks, and how many answers it takes, reaches the spec") {
    const ProbeSpec probe =
        ready_probe("{ exec = [\"/bin/check\"], initial_delay = \"2s\", interval = \"500ms\", "
                    "timeout = \"3s\", success_threshold = 2, failure_threshold = 5 }");
    CHECK(probe.initial_delay == 2s);
    CHECK(probe.interval == 500ms);
    CHECK(probe.timeout == 3s);
    CHECK(probe.success_threshold == 2);
    CHECK(probe.failure_threshold == 5);
}

TEST_CASE("a readiness probe may fail until the time is over, another one three times") {
    const Spec spec = spec_of(minimal + "[ready]\nprobe = { exec = [\"/a\"] }\n"
                                        "startup = { exec = [\"/b\"] }\n"
                                        "[live]\nprobe = { exec = [\"/c\"] }\n");
    CHECK(spec.ready.probe->failure_threshold == 0);
    CHECK(spec.ready.startup->failure_threshold == 3);
    CHECK(spec.live.probe->failure_threshold == 3);
    for (const ProbeSpec& probe : {*spec.ready.probe, *spec.ready.startup, *spec.live.probe}) {
        CHECK(probe.initial_delay == 0s);
        CHECK(probe.interval == 1s);
        CHECK(probe.timeout == 1s);
        CHECK(probe.success_threshold == 1);
    }
    CHECK(spec_of(minimal + "[ready]\nstartup = { exec = [\"/b\"], failure_threshold = 0 }\n")
              .ready.startup->failure_threshold == 0);
}

TEST_CASE("a probe asks exactly one thing") {
    refused("^{ exec = [\"/a\"], tcp = \"unix:/run/{pid}.sock\" }", "ready.probe",
            "a probe asks one thing; keep one of exec, http and tcp");
    refused("^{}", "ready.probe", "it does not say what to ask; write { http = \"/healthz\"");
    refused("^{ interval = \"1s\" }", "ready.probe", "it does not say what to ask");
    refused("^\"/healthz\"", "ready.probe", "a string stands here; write probe = {");
    refused("{ exec = ^[] }", "ready.probe.exec", "the command is empty");
    refused("{ exec = ^\"/a\" }", "ready.probe.exec", "a string stands here");
    refused("{ ^sleep = \"1s\", exec = [\"/a\"] }", "ready.probe.sleep", "there is no such key");
    refused("{ exec = ^[\"${release}/check\"] }", "ready.probe.exec", "there is no release");
}

TEST_CASE("the times of a probe are checked") {
    refused("{ exec = [\"/a\"], interval = ^\"1ms\" }", "ready.probe.interval",
            "too short; write \"10ms\" or more");
    refused("{ exec = [\"/a\"], timeout = ^\"0\" }", "ready.probe.timeout", "too short");
    refused("{ exec = [\"/a\"], success_threshold = ^0 }", "ready.probe.success_threshold",
            "write a number from 1 to 1000");
    refused("{ exec = [\"/a\"], failure_threshold = ^-1 }", "ready.probe.failure_threshold",
            "write a number from 0 to 1000");
    accepted("{ exec = [\"/a\"], timeout = \"5s\" }"); // longer than the interval
    check_marked(minimal + "[live]\nprobe = { exec = [\"/a\"], failure_threshold = ^0 }\n",
                 "live.probe.failure_threshold", "write a number from 1 to 1000");
    check_marked(minimal + "[live]\nprobe = { exec = [\"/a\"], success_threshold = ^2 }\n",
                 "live.probe.success_threshold", "needs no second success; take it out");
}

TEST_CASE("an address that is the same for every worker is refused") {
    const std::string words = "is the same for every worker: another one may answer, also one of "
                              "the old version; give each worker a socket of its own";
    refused("{ http = ^\"http://127.0.0.1:9000/healthz\" }", "ready.probe.http", words);
    refused("{ http = ^\"unix:/run/web.sock:/healthz\" }", "ready.probe.http", words);
    refused("{ tcp = ^\"127.0.0.1:9000\" }", "ready.probe.tcp", words);
    refused("{ tcp = ^\"unix:@web\" }", "ready.probe.tcp", words);
    // Only the place decides who answers.
    refused("{ http = ^\"http://127.0.0.1:9000/{worker}/{pid}\" }", "ready.probe.http",
            "\"127.0.0.1:9000\" is the same for every worker");
    refused("{ http = ^\"unix:/run/web.sock:/{replica}\" }", "ready.probe.http",
            "\"unix:/run/web.sock\" is the same for every worker");
}

TEST_CASE("an address of which each worker has its own is taken") {
    accepted("{ http = \"unix:/run/{worker}.sock:/healthz\" }");
    accepted("{ http = \"unix:@web-{pid}:/healthz\" }");
    accepted("{ tcp = \"unix:/run/{worker}/web.sock\" }");
    accepted("{ tcp = \"unix:@web-{replica}\" }"); // who listens there is looked at
    accepted("{ http = \"unix:/run/{replica}.sock:/healthz\" }");
}

TEST_CASE("a TCP port by replica alone is for recreate, where no two workers are at one") {
    const std::string words = "there are two at its {replica}, and over TCP nothing tells which";
    refused("{ http = ^\"http://127.0.0.1:900{replica}/\" }", "ready.probe.http", words);
    refused("{ tcp = ^\"127.0.0.1:900{replica}\" }", "ready.probe.tcp",
            "or strategy = \"recreate\"");
    refused("{ tcp = ^\"127.0.0.1:900{replica}\" }", "ready.probe.tcp", words,
            "[rollout]\nstrategy = \"blue-green\"\n");
    accepted("{ http = \"http://127.0.0.1:900{replica}/\" }", recreate);
    accepted("{ tcp = \"127.0.0.1{replica}:9000\" }", recreate);
    accepted("{ tcp = \"[::{replica}]:9000\" }", recreate);
}

TEST_CASE("a listener that the workers share is never probed, whatever the address says") {
    const std::string words = "is listener http, which all workers share";
    refused("{ http = ^\"http://127.0.0.1:8080/\" }", "ready.probe.http", words, shared);
    refused("{ tcp = ^\"127.0.0.1:8080\" }", "ready.probe.tcp", words, shared);
    refused("{ tcp = ^\"[::ffff:127.0.0.1]:8080\" }", "ready.probe.tcp", words, shared);
    refused("{ tcp = ^\"127.0.0.1:807{replica}\" }", "ready.probe.tcp", words,
            "[rollout]\nreplicas = 3\nstrategy = \"recreate\"\n"
            "[[listener]]\nname = \"http\"\naddress = \"127.0.0.1:8072\"\n");
    refused("{ tcp = ^\"0.0.0.0:80{replica}\" }", "ready.probe.tcp", words,
            "[rollout]\nreplicas = 3\nstrategy = \"recreate\"\n"
            "[[listener]]\nname = \"http\"\naddress = \"127.0.0.1:801\"\n");
    refused("{ tcp = ^\"unix:/run/r1-{replica}.sock\" }", "ready.probe.tcp", words,
            "[[listener]]\nname = \"http\"\naddress = \"unix:/run/r1-0.sock\"\n");
    refused("{ http = ^\"http://127.0.0.1:443/\" }", "ready.probe.http", words,
            "[[listener]]\nname = \"http\"\naddress = \"[::]:443\"\nv6only = false\n");
}

TEST_CASE("a listener that is another place is no obstacle") {
    accepted("{ tcp = \"127.0.0.1:808{replica}\" }",
             recreate + "[[listener]]\naddress = \"127.0.0.1:8084\"\n"
                        "[[listener]]\naddress = \"udp:8081\"\n"
                        "[[listener]]\naddress = \"127.0.0.2:8080\"\n"
                        "[[listener]]\naddress = \"[::]:8082\"\n");
}

TEST_CASE("an address that cannot be one for some worker is refused") {
    refused("{ tcp = ^\"127.0.0.1:{worker}\" }", "ready.probe.tcp",
            "{worker} is a name such as r7-2, which is no part of an IP address or port; give");
    refused("{ tcp = ^\"127.0.0.1:{pid}\" }", "ready.probe.tcp", "{pid} may be larger than 65535");
    refused("{ http = ^\"http://127.0.0.1:{pid}/\" }", "ready.probe.http",
            "{pid} may be larger than 65535");
    refused("{ tcp = ^\"127.0.0.1:6553{replica}\" }", "ready.probe.tcp", "from 0 to 65535",
            "[rollout]\nstrategy = \"recreate\"\nreplicas = 10\n");
    accepted("{ tcp = \"127.0.0.1:6553{replica}\" }",
             "[rollout]\nstrategy = \"recreate\"\nreplicas = 6\n");
    refused("{ tcp = ^\"unix:/run/{name}.sock\" }", "ready.probe.tcp",
            "there is no {name} here; write {worker}, {replica} or {pid}");
    refused("{ http = ^\"unix:/run/{worker.sock:/healthz\" }", "ready.probe.http",
            "a \"{\" has no \"}\"");
    refused("{ tcp = ^\"unix:/run/{worker\" }", "ready.probe.tcp", "a \"{\" has no \"}\"");
    refused("{ http = ^\"http://web-{replica}:80/\" }", "ready.probe.http",
            "names are not looked up");
    refused("{ http = ^\"https://127.0.0.1/\" }", "ready.probe.http", "plain HTTP");
    refused("{ tcp = ^\"808{replica}\" }", "ready.probe.tcp", "its host is missing");
    refused("{ tcp = ^\":808{replica}\" }", "ready.probe.tcp", "its host is missing");
    refused("{ tcp = ^\"127.0.0.{replica}:0\" }", "ready.probe.tcp", "port of 0");
    refused("{ tcp = ^\"udp:127.0.0.1:808{replica}\" }", "ready.probe.tcp",
            "is nothing to connect to");
    refused("{ tcp = ^\"systemd:{worker}\" }", "ready.probe.tcp", "no part of an IP address");
}

TEST_CASE("a probe over a worker's own listener has only a path") {
    const std::string words = "is not a path; with listener write only the path";
    refused("{ http = ^\"http://127.0.0.1:1/\", listener = \"health\" }", "ready.probe.http", words,
            own_socket);
    refused("{ http = ^\"healthz\", listener = \"health\" }", "ready.probe.http", words,
            own_socket);
    refused("{ http = ^\"/a b\", listener = \"health\" }", "ready.probe.http", "space", own_socket);
    refused("{ http = ^\"/healthz\" }", "ready.probe.http", "of which socket? write listener");
    refused("{ http = \"/\", listener = ^\"helth\" }", "ready.probe.listener",
            "there is no listener \"helth\"; those with private = true are health", own_socket);
    refused("{ http = \"/\", listener = ^\"health\" }", "ready.probe.listener",
            "write a [[listener]] with this name and private = true");
    refused("{ http = \"/\", listener = ^\"http\" }", "ready.probe.listener",
            "all workers share listener http: another one may answer", shared);
    refused("{ http = \"/\", listener = ^\"next\" }", "ready.probe.listener",
            "all workers of a revision share listener next",
            "[rollout]\nstrategy = \"blue-green\"\n[[listener]]\nname = \"next\"\n"
            "address = \"127.0.0.1:8081\"\npreview = true\n");
    refused("{ exec = [\"/a\"], listener = ^\"health\" }", "ready.probe.listener",
            "it belongs to http", own_socket);
}

TEST_CASE("a connect to a socket that the supervisor holds open says nothing") {
    refused("{ tcp = \"unix:@{pid}\", listener = ^\"health\" }", "ready.probe.listener",
            "a connect succeeds whatever the worker does", own_socket);
    const std::string socket = "[[listener]]\nname = \"health\"\n"
                               "address = \"unix:/run/{worker}.sock\"\nprivate = true\n";
    refused("{ tcp = ^\"unix:/run/{worker}.sock\" }", "ready.probe.tcp",
            "the supervisor itself holds the socket of listener health open", socket);
    accepted("{ http = \"unix:/run/{worker}.sock:/healthz\" }", socket);
}

TEST_CASE("every probe of a file is checked") {
    check_marked(minimal + "[ready]\nstartup = { tcp = ^\"127.0.0.1:1\" }\n", "ready.startup.tcp",
                 "same for every worker");
    check_marked(minimal + "[live]\nprobe = { tcp = ^\"127.0.0.1:1\" }\n", "live.probe.tcp",
                 "same for every worker");
}
