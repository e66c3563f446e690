// strategy = "in-place", and what else [rollout] has besides the strategies.
#include "helpers.h"

#include <csignal>

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

std::string in_place(const std::string& table, const std::string& more = "") {
    return minimal + "[rollout]\nstrategy = \"in-place\"\nin_place = " + table + "\n" + more;
}

const std::string hup = "{ reload = { signal = \"SIGHUP\" }, verify = { exec = [\"/a\"] } }";

} // namespace

TEST_CASE("a worker is told to reload itself, asked whether it did, and told to go back") {
    const Spec spec = spec_of(in_place("{ reload = { signal = \"SIGHUP\" }, "
                                       "verify = { http = \"http://127.0.0.1:9/ok\" }, "
                                       "revert = { exec = [\"/b\"], timeout = \"5s\" } }"));
    CHECK(spec.rollout.strategy == Strategy::in_place);
    REQUIRE(spec.rollout.in_place.has_value());
    const InPlaceSpec& how = *spec.rollout.in_place;
    CHECK(how.reload == HookSpec{SignalHook{SIGHUP}, {}, HookFailure::fail});
    CHECK(std::get<HttpHook>(how.verify->what).target == "/ok");
    CHECK(how.revert == HookSpec{ExecHook{{"/b"}}, 5s, HookFailure::fail});
}

TEST_CASE("without a verify the worker itself says that it has reloaded") {
    const std::string bare = "{ reload = { exec = [\"/a\"] } }";
    CHECK_FALSE(spec_of(in_place(bare)).rollout.in_place->verify);
    for (const std::string ready :
         {"on = \"started\"", "on = \"fd\"", "probe = { exec = [\"/a\"] }"})
        check_marked(in_place("^" + bare, "[ready]\n" + ready + "\n"), "rollout.in_place",
                     "nothing says whether a worker has reloaded itself; write verify");
    CHECK(mistakes_of(in_place(hup, "[ready]\non = \"started\"\n")).empty());
}

TEST_CASE("surge and unavailability hold for the workers that must be replaced after all") {
    CHECK(mistakes_of(in_place(hup, "max_surge = 2\nmax_unavailable = 1\n")).empty());
    check_marked(in_place(hup, "max_surge = ^0\n"), "rollout.max_surge", "both 0");
}

TEST_CASE("in-place needs in_place, and only it has one") {
    check_marked(minimal + "[rollout]\nstrategy = ^\"in-place\"\n", "rollout.strategy",
                 "how does a worker reload itself? write in_place = {");
    check_marked(minimal + "[rollout]\nin_place = ^" + hup + "\n", "rollout.in_place",
                 "belongs to strategy = \"in-place\"");
    check_marked(in_place("^{ verify = { exec = [\"/a\"] } }"), "rollout.in_place",
                 "it does not say how a worker reloads itself");
    check_marked(in_place("^\"SIGHUP\""), "rollout.in_place", "a string stands here");
    check_marked(in_place("{ ^relod = { signal = \"SIGHUP\" }, reload = { exec = [\"/a\"] } }"),
                 "rollout.in_place.relod", "did you mean reload?");
    check_marked(in_place(hup, "steps = ^[{ size = 1, hold = \"1s\" }]\n"), "rollout.steps",
                 "belongs to strategy = \"canary\"");
    check_marked(in_place(hup, "keep_old = ^\"1m\"\n"), "rollout.keep_old",
                 "belongs to strategy = \"blue-green\"");
    check_marked(in_place(hup, "promote = ^\"auto\"\n"), "rollout.promote",
                 "belongs to strategy = \"blue-green\"");
    check_marked(in_place(hup, "analysis = ^{ exec = [\"/a\"] }\n"), "rollout.analysis",
                 "this strategy has none");
}

TEST_CASE("a reload, its check and its revert do what they are for") {
    check_marked(in_place("{ reload = { sleep = ^\"1s\" } }"), "rollout.in_place.reload.sleep",
                 "waiting reloads nothing");
    check_marked(in_place("{ reload = { exec = [\"/a\"] }, verify = { sleep = ^\"1s\" } }"),
                 "rollout.in_place.verify.sleep", "waiting verifies nothing");
    check_marked(in_place("{ reload = { exec = [\"/a\"] }, verify = { signal = ^\"SIGHUP\" } }"),
                 "rollout.in_place.verify.signal", "a signal has no answer; use exec or http");
    check_marked(in_place("{ reload = { exec = [\"/a\"] }, revert = { sleep = ^\"1s\" } }"),
                 "rollout.in_place.revert.sleep", "waiting reverts nothing");
    check_marked(in_place("{ reload = { signal = ^\"SIGKILL\" } }"),
                 "rollout.in_place.reload.signal", "ends the worker's serving");
    check_marked(in_place("{ reload = { exec = [\"/a\"], on_failure = ^\"ignore\" } }"),
                 "rollout.in_place.reload.on_failure", "always a failed rollout");
    check_marked(in_place("{ reload = { exec = [\"/a\"], timeout = ^\"2m\" } }"),
                 "rollout.in_place.reload.timeout", "a reload is over within ready.timeout (1m)");
}

TEST_CASE("memory is compared before a surge, as configured") {
    CHECK(spec_of(minimal).rollout.memory_check == MemoryCheck::warn);
    CHECK(spec_of(minimal + "[rollout]\nmemory_check = \"off\"\n").rollout.memory_check ==
          MemoryCheck::off);
    CHECK(spec_of(minimal + "[rollout]\nmemory_check = \"refuse\"\n").rollout.memory_check ==
          MemoryCheck::refuse);
    check_marked(minimal + "[rollout]\nmemory_check = ^\"on\"\n", "rollout.memory_check",
                 "\"off\"");
    check_marked(minimal + "[rollout]\nstrategy = \"recreate\"\nmemory_check = ^\"warn\"\n",
                 "rollout.memory_check", "starts nothing beside the old workers");
}
