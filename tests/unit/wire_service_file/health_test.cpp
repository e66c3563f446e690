// [ready], [live] and [recycle].
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

ReadySpec ready(const std::string& lines) {
    return spec_of(minimal + "[ready]\n" + lines).ready;
}

void refused(const std::string& marked, const std::string& key, const std::string& words) {
    CAPTURE(marked);
    check_marked(minimal + marked, key, words);
}

} // namespace

TEST_CASE("a worker is ready when it says so, was started, writes a newline or is probed") {
    CHECK(ready("").on == ReadyOn::notify);
    CHECK(ready("on = \"started\"\n").on == ReadyOn::started);
    CHECK(
        spec_of(minimal + "[[listener]]\naddress = \"127.0.0.1:0\"\n[ready]\non = \"accepting\"\n")
            .ready == ReadySpec{.on = ReadyOn::accepting});
    CHECK(ready("on = \"fd\"\n") == ReadySpec{.on = ReadyOn::fd});
    CHECK(ready("on = \"fd\"\nfd = 5\n") == ReadySpec{.on = ReadyOn::fd, .fd = 5u});
    CHECK(ready("on = \"ipc\"\n") == ReadySpec{.on = ReadyOn::ipc});
    CHECK(ready("on = \"probe\"\nprobe = { exec = [\"/a\"] }\n").on == ReadyOn::probe);
    CHECK(ready("probe = { exec = [\"/a\"] }\n").on == ReadyOn::probe);
}

TEST_CASE("a startup probe goes with any readiness") {
    for (const std::string on : {"notify", "started", "fd"})
        CHECK(ready("on = \"" + on + "\"\nstartup = { exec = [\"/a\"] }\n").startup.has_value());
    CHECK(ready("probe = { exec = [\"/b\"] }\nstartup = { exec = [\"/a\"] }\n").on ==
          ReadyOn::probe);
}

TEST_CASE("a kind of probe is not a readiness, and the right words are said") {
    refused("[ready]\non = ^\"http\"\n", "ready.on",
            "write on = \"probe\" and probe = { http = \"/healthz\", listener = \"NAME\" }");
    refused("[ready]\non = ^\"tcp\"\n", "ready.on", "probe = { tcp = ");
    refused("[ready]\non = ^\"exec\"\n", "ready.on", "probe = { exec = ");
    refused("[ready]\non = ^\"prob\"\n", "ready.on", "did you mean \"probe\"?");
    refused("[ready]\non = ^3\n", "ready.on", "an integer stands here");
}

TEST_CASE("what another readiness would need is refused") {
    refused("[ready]\non = ^\"accepting\"\n", "ready.on", "there is no listener to look at");
    refused(
        "[ready]\non = ^\"accepting\"\n[[listener]]\naddress = \"127.0.0.1:0\"\nprivate = true\n",
        "ready.on", "there is no listener to look at");
    refused("[ready]\non = ^\"probe\"\n", "ready.on", "there is no probe; write probe = {");
    for (const std::string on : {"notify", "started", "fd"})
        refused("[ready]\non = \"" + on + "\"\nprobe = ^{ exec = [\"/a\"] }\n", "ready.probe",
                "a readiness probe needs on = \"probe\"");
    refused("[ready]\nfd = ^5\n", "ready.fd", "it needs on = \"fd\"");
    refused("[ready]\non = \"ipc\"\nfd = ^5\n", "ready.fd", "it needs on = \"fd\"");
    refused("[ready]\nprobe = { exec = [\"/a\"] }\nfd = ^5\n", "ready.fd", "it needs on = \"fd\"");
    refused("[ready]\non = \"fd\"\ndelay = ^\"1s\"\n", "ready.delay", "needs on = \"started\"");
    refused("[ready]\nprobe = { exec = [\"/a\"] }\ndelay = ^\"1s\"\n", "ready.delay",
            "needs on = \"started\"; with on = \"probe\" the probe says");
}

TEST_CASE("the readiness fd is one that nothing else has") {
    refused("[ready]\non = \"fd\"\nfd = ^2\n", "ready.fd", "write a number from 3 to 65535");
    const std::string two = "[[listener]]\nname = \"http\"\naddress = \"80\"\n"
                            "[[listener]]\nname = \"https\"\naddress = \"443\"\n";
    refused(two + "[ready]\non = \"fd\"\nfd = ^4\n", "ready.fd",
            "is the one of listener https; write 5 or more, or leave it out");
    CHECK(mistakes_of(minimal + two + "[ready]\non = \"fd\"\nfd = 5\n").empty());
    refused("limits = { nofile = 64 }\n[ready]\non = \"fd\"\nfd = ^64\n", "ready.fd",
            "beyond what limits permits (nofile = 64)");
}

TEST_CASE("a readiness that could only come too late is refused") {
    refused("[ready]\ntimeout = \"10s\"\n"
            "probe = ^{ exec = [\"/a\"], initial_delay = \"10s\" }\n",
            "ready.probe", "it passes 10s after the launch at the earliest");
    refused("[ready]\ntimeout = \"10s\"\n"
            "probe = ^{ exec = [\"/a\"], success_threshold = 6, interval = \"2s\" }\n",
            "ready.probe", "10s after the launch");
    refused("[ready]\ntimeout = \"10s\"\n"
            "startup = ^{ exec = [\"/a\"], initial_delay = \"11s\" }\n",
            "ready.startup",
            "it passes after 11s at the earliest, and ready.timeout (10s) is over");
    refused("[ready]\ntimeout = \"10s\"\nstartup = { exec = [\"/a\"], initial_delay = \"6s\" }\n"
            "probe = ^{ exec = [\"/a\"], initial_delay = \"5s\" }\n",
            "ready.probe", "it passes 11s after the launch");
    CHECK(mistakes_of(minimal + "[ready]\ntimeout = \"10s\"\n"
                                "probe = { exec = [\"/a\"], success_threshold = 5, "
                                "interval = \"2s\" }\n")
              .empty());
}

TEST_CASE("all that must pass before a worker is available fits into the progress deadline") {
    const std::string rest = "[rollout]\nprogress_deadline = ^\"30s\"\nmin_ready = \"5s\"\n";
    refused("pre_start = { sleep = \"5s\" }\n[ready]\nstartup = { exec = [\"/a\"], initial_delay = "
            "\"10s\" }\npost_ready = { sleep = \"10s\" }\n" +
                rest,
            "rollout.progress_deadline", "which takes 30s (its hooks, its probes");
    refused("[ready]\nprobe = { exec = [\"/a\"], initial_delay = \"25s\" }\n" + rest,
            "rollout.progress_deadline", "which takes 30s");
}

TEST_CASE("liveness is a watchdog, a probe, or both") {
    const LiveSpec live =
        spec_of(minimal + "[live]\nwatchdog = \"10s\"\nprobe = { exec = [\"/a\"] }\n").live;
    CHECK(live.watchdog == Duration(10s));
    CHECK(live.probe->what == Probing(ExecHook{{"/a"}}));
    CHECK_FALSE(spec_of(minimal + "[live]\nwatchdog = \"10s\"\n").live.probe);
    refused("^[live]\n", "live", "it says nothing; write watchdog = \"10s\"");
    refused("[live]\nwatchdog = ^\"500us\"\n", "live.watchdog", "write \"1ms\" or more");
    refused("[live]\nwatchdog = ^10\n", "live.watchdog", "an integer stands here");
    refused("[live]\nwatchdog = \"1s\"\n^startup = { exec = [\"/a\"] }\n", "live.startup",
            "the keys here are probe, watchdog");
}

TEST_CASE("a worker is recycled for its age, its memory, or both") {
    const RecycleSpec both =
        spec_of(minimal + "[recycle]\nmax_age = \"1d\"\nmax_memory = \"8G\"\ninterval = \"1m\"\n")
            .recycle;
    CHECK(both.max_age == Duration(24h));
    CHECK(both.max_memory == std::uint64_t{8} << 30);
    CHECK(both.interval == 1min);
    CHECK(spec_of(minimal + "[recycle]\nmax_memory = 536870912\n").recycle ==
          RecycleSpec{.max_memory = std::uint64_t{512} << 20});
    CHECK(spec_of(minimal).recycle == RecycleSpec{});
}

TEST_CASE("recycling that would do nothing, or nothing else, is refused") {
    refused("^[recycle]\n", "recycle", "it says nothing; write max_age = \"1d\"");
    refused("[recycle]\nmax_age = \"1d\"\ninterval = ^\"5s\"\n", "recycle.interval",
            "there is no max_memory");
    refused("[recycle]\nmax_age = ^\"0\"\n", "recycle.max_age", "too short");
    refused("[recycle]\nmax_memory = ^512\n", "recycle.max_memory",
            "less than any worker uses; write \"512M\"");
    refused("[recycle]\nmax_memory = ^\"lots\"\n", "recycle.max_memory", "lots");
    refused("[recycle]\nmax_memory = ^0\n", "recycle.max_memory", "out of range");
    refused("[recycle]\nmax_memory = \"1G\"\ninterval = ^\"1ms\"\n", "recycle.interval",
            "too short; write \"100ms\" or more");
}
