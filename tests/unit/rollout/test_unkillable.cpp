// A worker that the supervisor is not allowed to kill.
#include "stage.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

/// r1-0 was replaced by revision 2, did not end within its grace period, and SIGKILL was refused.
Stage& stuck(Stage& stage) {
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.wait(30s);
    REQUIRE(stage.in(WorkerPhase::killing) == "r1-0");
    stage.see(KillFailed{stage.find("r1-0").id, "Operation not permitted"});
    return stage;
}

std::size_t told(const Stage& stage, const std::string& part) {
    return static_cast<std::size_t>(
        std::count_if(stage.events.begin(), stage.events.end(), [&](const Event& event) {
            return event.kind == EventKind::kill_failed &&
                   event.text.find(part) != std::string::npos;
        }));
}

} // namespace

TEST_CASE("A refused SIGKILL is recorded and told once, with the process to end") {
    Stage stage;
    stuck(stage);
    const Worker& worker = stage.find("r1-0");
    CHECK(cannot_be_killed(worker));
    CHECK(describe_kill_failure(worker) ==
          "cannot be killed: Operation not permitted; end process 101 by hand");
    CHECK(told(stage, "Operation not permitted; end process 101") == 1);
    stage.wait(1h);
    CHECK(stage.count<KillWorker>() == 1);
    CHECK_FALSE(stage.wake_at);
}

TEST_CASE("Once somebody ended it, a worker that could not be killed is forgotten as any other") {
    Stage stage;
    stuck(stage);
    stage.exits("r1-0");
    CHECK_FALSE(stage.exists("r1-0"));
    CHECK(stage.in(WorkerPhase::available) == "r2-0");
}

TEST_CASE("A refusal that comes when the process is gone, or was not asked for, changes nothing") {
    Stage stage;
    stage.boot();
    stage.see(KillFailed{stage.find("r1-0").id, "Operation not permitted"});
    CHECK(stage.find("r1-0").kill_failure.empty());
    CHECK(stage.events.empty());
}

TEST_CASE("A stop waits for a worker that cannot be killed; a second one leaves it and fails") {
    Stage stage;
    stuck(stage);
    stage.see(StopRequested{false, "SIGTERM"});
    stage.exits("r2-0", 0);
    stage.wait(1h);
    CHECK(stage.count<Finish>() == 0);
    stage.see(StopRequested{true, "a second SIGTERM"});
    REQUIRE(stage.count<Finish>() == 1);
    CHECK(std::get<Finish>(stage.actions.back()).exit_status == 1);
    CHECK(told(stage, "is left behind: cannot be killed") == 1);
    CHECK(stage.exists("r1-0"));
}

TEST_CASE("A stop now ends as soon as all that is left cannot be killed") {
    Stage stage{RolloutSpec{.replicas = 2}};
    stage.boot();
    stage.see(StopRequested{true, "SIGQUIT"});
    stage.exits("r1-0");
    CHECK(stage.count<Finish>() == 0);
    stage.see(KillFailed{stage.find("r1-1").id, "Operation not permitted"});
    REQUIRE(stage.count<Finish>() == 1);
    CHECK(std::get<Finish>(stage.actions.back()).exit_status == 1);
}

TEST_CASE("A rollout that has no room, for workers that cannot be killed, is taken back") {
    Stage stage{RolloutSpec{.max_total = 2}};
    stuck(stage);
    stage.reload();
    CHECK(stage.verdict(3) == Verdict::rolled_back);
    CHECK(find_outcome(stage.state(), 3)->reason ==
          "there is no room for another worker: max_total is 2, and 1 cannot be killed");
    CHECK(stage.in(WorkerPhase::available) == "r2-0");
}

TEST_CASE("A rollout waits for room that a drain still makes") {
    Stage stage{RolloutSpec{.max_total = 2}};
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.reload();
    CHECK(stage.state().rollout);
    stage.exits("r1-0", 0);
    CHECK(stage.in(WorkerPhase::starting) == "r3-0");
}
