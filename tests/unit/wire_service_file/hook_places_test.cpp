// Where a hook may stand: its defaults, what its failure means, what it cannot be there.
#include "helpers.h"

#include <csignal>

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

const ExecHook run{{"/bin/a"}};

void refused(const std::string& marked, const std::string& key, const std::string& words) {
    CAPTURE(marked);
    check_marked(minimal + marked, key, words);
}

} // namespace

TEST_CASE("each hook has the time and the rule of its place") {
    const Spec spec = spec_of(minimal + R"(pre_start = { exec = ["/bin/a"] }
[ready]
post_ready = { exec = ["/bin/a"] }
[stop]
pre_stop = { exec = ["/bin/a"] }
post_stop = { exec = ["/bin/a"] }
[rollout]
strategy = "blue-green"
before = { exec = ["/bin/a"] }
analysis = { exec = ["/bin/a"] }
after = { exec = ["/bin/a"] }
failed = { exec = ["/bin/a"] }
)");
    CHECK(spec.process.pre_start == HookSpec{run, 60s, HookFailure::fail});
    CHECK(spec.ready.post_ready == HookSpec{run, 30s, HookFailure::fail});
    CHECK(spec.stop.pre_stop == HookSpec{run, {}, HookFailure::ignore});
    CHECK(spec.stop.post_stop == HookSpec{run, 10s, HookFailure::ignore});
    CHECK(spec.rollout.before == HookSpec{run, 60s, HookFailure::fail});
    CHECK(spec.rollout.analysis == HookSpec{run, 60s, HookFailure::fail});
    CHECK(spec.rollout.after == HookSpec{run, 60s, HookFailure::ignore});
    CHECK(spec.rollout.failed == HookSpec{run, 60s, HookFailure::ignore});
}

TEST_CASE("a hook's own time and rule reach the spec") {
    const Spec spec = spec_of(
        minimal + R"(pre_start = { exec = ["/bin/a"], timeout = "1s", on_failure = "ignore" }
[ready]
post_ready = { signal = "SIGUSR1", timeout = "2s", on_failure = "ignore" }
[stop]
pre_stop = { exec = ["/bin/a"], timeout = "3s", on_failure = "fail" }
post_stop = { exec = ["/bin/a"], timeout = "4s", on_failure = "fail" }
[rollout]
before = { exec = ["/bin/a"], timeout = "5s", on_failure = "ignore" }
after = { exec = ["/bin/a"], timeout = "6s", on_failure = "fail" }
failed = { http = "http://127.0.0.1:9/", method = "POST", timeout = "7s" }
)");
    CHECK(spec.process.pre_start == HookSpec{run, 1s, HookFailure::ignore});
    CHECK(spec.ready.post_ready == HookSpec{SignalHook{SIGUSR1}, 2s, HookFailure::ignore});
    CHECK(spec.stop.pre_stop == HookSpec{run, 3s, HookFailure::fail});
    CHECK(spec.stop.post_stop == HookSpec{run, 4s, HookFailure::fail});
    CHECK(spec.rollout.before == HookSpec{run, 5s, HookFailure::ignore});
    CHECK(spec.rollout.after == HookSpec{run, 6s, HookFailure::fail});
    CHECK(spec.rollout.failed->timeout == Duration(7s));
}

TEST_CASE("a hook whose failure changes nothing has no rule for it") {
    refused("[rollout]\nfailed = { exec = [\"/a\"], on_failure = ^\"fail\" }\n",
            "rollout.failed.on_failure", "this hook changes nothing");
    refused("[rollout]\nbefore = { exec = [\"/a\"], on_failure = ^\"stop\" }\n",
            "rollout.before.on_failure", "write \"ignore\" or \"fail\"");
}

TEST_CASE("a signal needs a worker that it goes to") {
    const std::string signal = "{ signal = ^\"SIGUSR1\" }\n";
    refused("pre_start = " + signal, "service.pre_start.signal", "there is no worker yet");
    refused("[stop]\npost_stop = " + signal, "stop.post_stop.signal", "the worker is gone");
    for (const std::string key : {"before", "after", "failed"})
        refused("[rollout]\n" + key + " = " + signal, "rollout." + key + ".signal",
                "a rollout's hook is about no worker; use exec or http");
    refused("[ready]\npost_ready = { signal = ^\"SIGKILL\" }\n", "ready.post_ready.signal",
            "ends the worker's serving");
}

TEST_CASE("a hook that cannot end in time is refused, wherever it stands") {
    refused("pre_start = { sleep = ^\"2m\" }\n", "service.pre_start.sleep",
            "longer than its timeout (1m)");
    refused("[ready]\npost_ready = { exec = [\"/a\"], timeout = ^\"0\" }\n",
            "ready.post_ready.timeout", "too short");
    refused("[rollout]\nafter = { sleep = ^\"0\" }\n", "rollout.after.sleep", "too short");
    refused("[rollout]\nfailed = { exec = ^[] }\n", "rollout.failed.exec", "the command is empty");
    refused("[stop]\npre_stop = { exec = [\"/a\"], timeout = ^\"29s\" }\n", "stop.pre_stop.timeout",
            "29s is cut short: a hook is ended min_stop (2s) before grace (30s) is over");
    refused("[stop]\npre_stop = { sleep = ^\"5s\", timeout = \"4s\" }\n", "stop.pre_stop.sleep",
            "longer than its timeout (4s)");
    CHECK(mistakes_of(minimal + "[stop]\npre_stop = { exec = [\"/a\"], timeout = \"28s\" }\n")
              .empty());
}

TEST_CASE("${release} is replaced in the command of every hook and probe") {
    const std::string check = " = { exec = [\"${release}/bin/check\"] }\n";
    const std::string text = "[service]\ncommand = [\"/a\"]\npre_start" + check +
                             "release = \"/srv/current\"\n[ready]\nstartup" + check + "probe" +
                             check + "post_ready" + check + "[live]\nprobe" + check +
                             "[stop]\npre_stop" + check + "post_stop" + check +
                             "[rollout]\nbefore" + check + "after" + check + "failed" + check +
                             "strategy = \"in-place\"\nin_place.reload" + check +
                             "in_place.verify" + check + "in_place.revert" + check;
    std::string keys;
    const Spec spec = spec_of(text);
    for (const NamedCommand& named : commands_of(spec)) {
        keys += named.key + ' ';
        CHECK(*named.command == std::vector<std::string>{"${release}/bin/check"});
    }
    CHECK(keys ==
          "service.pre_start.exec ready.post_ready.exec rollout.before.exec rollout.after.exec "
          "rollout.failed.exec rollout.in_place.reload.exec rollout.in_place.verify.exec "
          "rollout.in_place.revert.exec stop.pre_stop.exec stop.post_stop.exec "
          "ready.startup.exec ready.probe.exec live.probe.exec ");
    std::string without = text;
    without.erase(without.find("release = \"/srv"),
                  std::string("release = \"/srv/current\"\n").size());
    const auto mistakes = parse_service_file(without).mistakes;
    CHECK(mistakes.size() == 13);
    for (const Mistake& mistake : mistakes)
        CHECK(mistake.message.find("there is no release") != std::string::npos);
}
