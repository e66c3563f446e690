// How a rollout goes: what each strategy takes, what it refuses, and how it is explained.
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

std::string table(const std::string& lines) {
    return minimal + "[rollout]\n" + lines;
}

RolloutSpec read(const std::string& lines) {
    return spec_of(table(lines)).rollout;
}

const std::string canary = "strategy = \"canary\"\nreplicas = 10\n";

} // namespace

TEST_CASE("a canary's steps become its stages") {
    const RolloutSpec spec = read(canary + R"(
steps = [{ size = "10%", hold = "5m" }, { size = 4, hold = "manual" }, { size = "100%", hold = "0" }]
analysis = { exec = ["/usr/local/bin/error-rate", "--max", "1"], timeout = "30s" }
on_failure = "pause"
)");
    CHECK(spec.strategy == Strategy::canary);
    CHECK(spec.on_failure == OnFailure::pause);
    CHECK(spec.stages == std::vector<RolloutStage>{{Share{10, true}, 5min},
                                                   {Share{4, false}, std::nullopt},
                                                   {Share{100, true}, Duration::zero()}});
    CHECK(spec.analysis ==
          HookSpec{ExecHook{{"/usr/local/bin/error-rate", "--max", "1"}}, 30s, HookFailure::fail});
}

TEST_CASE("steps may be written as tables of their own") {
    const RolloutSpec spec = read(canary + "[[rollout.steps]]\nsize = 1\nhold = \"1s\"\n"
                                           "[[rollout.steps]]\nsize = 2\nhold = \"manual\"\n");
    CHECK(spec.stages.size() == 2);
}

TEST_CASE("a second set is one stage of everything, promoted by itself unless a person is to") {
    CHECK(read("strategy = \"blue-green\"\n").stages ==
          std::vector<RolloutStage>{{Share{100, true}, Duration::zero()}});
    const RolloutSpec manual =
        read("strategy = \"blue-green\"\npromote = \"manual\"\nkeep_old = \"10m\"\n");
    CHECK(manual.stages == std::vector<RolloutStage>{{Share{100, true}, std::nullopt}});
    CHECK(manual.keep_old == 10min);
    CHECK(read("strategy = \"recreate\"\n").strategy == Strategy::recreate);
}

TEST_CASE("an analysis may be any hook but a signal") {
    CHECK(mistakes_of(table(canary + "steps = [{ size = 1, hold = \"1s\" }]\n"
                                     "analysis = { http = \"http://127.0.0.1:9/ok\" }\n"))
              .empty());
    CHECK(mistakes_of(table("strategy = \"blue-green\"\nanalysis = { sleep = \"1s\" }\n")).empty());
    check_mistake(table("strategy = \"blue-green\"\nanalysis = { signal = \"SIGUSR1\" }\n"),
                  "5:23 rollout.analysis.signal", "about no worker; use exec or http");
    check_mistake(table("strategy = \"blue-green\"\nanalysis = { sleep = \"2m\" }\n"),
                  "5:22 rollout.analysis.sleep", "longer than its timeout (1m)");
    check_mistake(
        table("strategy = \"blue-green\"\nanalysis = { exec = [\"${release}/check\"] }\n"),
        "5:21 rollout.analysis.exec", "there is no release");
    check_mistake(table("strategy = \"blue-green\"\n"
                        "analysis = { exec = [\"/a\"], timeout = \"0\" }\n"),
                  "5:39 rollout.analysis.timeout", "too short");
    check_mistake(table("strategy = \"blue-green\"\n"
                        "analysis = { exec = [\"/a\"], on_failure = \"ignore\" }\n"),
                  "5:42 rollout.analysis.on_failure", "always a failed rollout; take it out");
}

TEST_CASE("a step says how many and for how long") {
    check_mistake(table(canary + "steps = [{ hold = \"5m\" }]\n"), "6:10 rollout.steps[1].size",
                  "how many workers?");
    check_mistake(table(canary + "steps = [{ size = 1 }]\n"), "6:10 rollout.steps[1].hold",
                  "hold = \"manual\" to wait for svc promote");
    check_mistake(table(canary + "steps = [{ size = 1, hold = 5 }]\n"),
                  "6:29 rollout.steps[1].hold", "write hold = \"5m\" or \"manual\"");
    check_mistake(table(canary + "steps = [{ size = 1, hold = \"later\" }]\n"),
                  "6:29 rollout.steps[1].hold", "later");
    check_mistake(table(canary + "steps = [{ size = 1, hold = \"1s\", pause = 1 }]\n"),
                  "6:35 rollout.steps[1].pause", "the keys here are hold, size");
    check_mistake(table(canary + "steps = [1]\n"), "6:10 rollout.steps[1]",
                  "an integer stands here; write { size");
    check_mistake(table(canary + "steps = 3\n"), "6:9 rollout.steps", "an integer stands here");
    check_mistake(table(canary + "steps = []\n"), "6:9 rollout.steps", "there is none");
    std::string many = "steps = [";
    for (int i = 0; i < 101; ++i)
        many += "{ size = 1, hold = \"1s\" },";
    check_mistake(table(canary + many + "]\n"), "6:9 rollout.steps", "101 steps are too many");
}

TEST_CASE("steps that show nothing, or go backwards, are refused") {
    check_mistake(table(canary + "steps = [{ size = 0, hold = \"1s\" }]\n"),
                  "6:19 rollout.steps[1].size", "shows nothing");
    check_mistake(table(canary + "steps = [{ size = \"0%\", hold = \"1s\" }]\n"),
                  "6:19 rollout.steps[1].size", "shows nothing");
    check_mistake(table(canary + "steps = [{ size = 11, hold = \"1s\" }]\n"),
                  "6:19 rollout.steps[1].size", "11 is more than replicas (10)");
    check_mistake(table(canary + "steps = [{ size = \"50%\", hold = \"1s\" },\n"
                                 "  { size = 4, hold = \"1s\" }]\n"),
                  "7:12 rollout.steps[2].size", "fewer than the step before has (5)");
    CHECK(mistakes_of(table(canary + "steps = [{ size = \"10%\", hold = \"1s\" },\n"
                                     "  { size = 1, hold = \"manual\" }]\n"))
              .empty());
    check_mistake(table("strategy = \"canary\"\nsteps = [{ size = 1, hold = \"1s\" }]\n"),
                  "4:12 rollout.strategy", "replicas = 2 or more");
}

TEST_CASE("a key of another strategy is refused, never ignored") {
    check_mistake(table("steps = [{ size = 1, hold = \"1s\" }]\n"), "4:9 rollout.steps",
                  "belongs to strategy = \"canary\"");
    check_mistake(table("promote = \"auto\"\n"), "4:11 rollout.promote",
                  "belongs to strategy = \"blue-green\"");
    check_mistake(table("keep_old = \"1m\"\n"), "4:12 rollout.keep_old",
                  "belongs to strategy = \"blue-green\"");
    check_mistake(table(canary), "4:12 rollout.strategy", "a canary needs its steps");
    for (const std::string key : {"max_surge", "max_unavailable"})
        for (const std::string strategy : {"recreate", "blue-green"})
            check_mistake(table("strategy = \"" + strategy + "\"\n" + key + " = 1\n"),
                          "5:" + std::to_string(key.size() + 4) + " rollout." + key,
                          "take it out, or write strategy = \"rolling\"");
    check_mistake(table("analysis = { sleep = \"1s\" }\n"), "4:12 rollout.analysis",
                  "this strategy has none");
    // What belongs to a strategy that nobody knows is not judged.
    check_mistake(table("strategy = \"canaryy\"\nsteps = [{ size = 1, hold = \"1s\" }]\n"),
                  "4:12 rollout.strategy", "did you mean \"canary\"?");
}

TEST_CASE("what would leave nobody to serve, or no room, is refused") {
    check_mistake(table("strategy = \"recreate\"\non_failure = \"pause\"\n"),
                  "5:14 rollout.on_failure", "leaves nobody to serve");
    check_mistake(table("strategy = \"blue-green\"\nreplicas = 4\nmax_total = 7\n"),
                  "6:13 rollout.max_total", "no room for a second set; write 8 or more");
    CHECK(mistakes_of(table("strategy = \"blue-green\"\nreplicas = 4\nmax_total = 8\n")).empty());
}
