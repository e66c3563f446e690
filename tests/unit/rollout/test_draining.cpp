#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

/// One replica of revision 1 with a pre-stop hook, just replaced by revision 2.
Stage& replaced(Stage& stage) {
    stage.spec.stop.pre_stop = HookSpec{SleepHook{1h}, {}, HookFailure::ignore};
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    return stage;
}

} // namespace

TEST_CASE("The pre-stop hook runs while the worker still serves; the signal comes when it ended") {
    Stage stage;
    replaced(stage);
    CHECK(stage.in(WorkerPhase::draining) == "r1-0");
    CHECK(stage.count<SignalWorker>() == 0);
    stage.see(HookEnded{stage.find("r1-0").id, HookPoint::pre_stop, true, ""});
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
}

TEST_CASE("A hook that runs on is ended min_stop before the end of grace, and the signal is sent") {
    Stage stage;
    replaced(stage);
    CHECK(stage.wake_at == stage.now + 28s);
    stage.wait(28s);
    CHECK(stage.count<CancelHook>() == 1);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    stage.wait(2s);
    CHECK(stage.in(WorkerPhase::killing) == "r1-0");
}

TEST_CASE("A rollout waits for the hook of the last old worker, if its failure counts") {
    Stage stage;
    bool succeeds = true;
    SUBCASE("and is complete when it succeeds") {}
    SUBCASE("and is rolled back when it fails") {
        succeeds = false;
    }
    stage.spec.stop.pre_stop = HookSpec{SleepHook{1h}, {}, HookFailure::fail};
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    REQUIRE(stage.find("r1-0").running_hook == HookPoint::pre_stop);
    REQUIRE(stage.state().rollout);
    stage.see(HookEnded{stage.find("r1-0").id, HookPoint::pre_stop, succeeds, "no balancer"});
    if (succeeds)
        CHECK_FALSE(stage.state().rollout);
    else
        CHECK(stage.state().rollout->phase == RolloutPhase::rolling_back);
}

TEST_CASE("A worker that was never ready has no pre-stop hook") {
    Stage stage;
    stage.spec.stop.pre_stop = HookSpec{SleepHook{1h}, {}, HookFailure::ignore};
    stage.boot();
    stage.reload();
    stage.reload(true);
    CHECK(stage.in(WorkerPhase::stopping) == "r2-0");
}

TEST_CASE("EXTEND_TIMEOUT_USEC prolongs the grace period up to grace_max") {
    Stage stage;
    stage.spec.stop.grace_max = 40s;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    const WorkerId old = stage.find("r1-0").id;
    stage.wait(20s);
    stage.see(WorkerNotified{.worker = old, .extend_timeout = 15s});
    CHECK(stage.wake_at == stage.now + 15s);
    stage.see(WorkerNotified{.worker = old, .extend_timeout = 10h});
    CHECK(stage.wake_at == stage.now + 20s);
}

TEST_CASE("The post-stop hook runs after the exit and the worker is forgotten when it ended") {
    Stage stage;
    stage.spec.stop.post_stop = HookSpec{ExecHook{{"/bin/true"}}, 10s, HookFailure::ignore};
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.exits("r1-0", 0);
    CHECK(stage.count<RunPostStop>() == 1);
    CHECK(stage.exists("r1-0"));
    stage.see(HookEnded{stage.find("r1-0").id, HookPoint::post_stop, true, ""});
    CHECK_FALSE(stage.exists("r1-0"));
}

TEST_CASE("A worker whose launch is called off is killed, not signalled") {
    Stage stage;
    stage.boot();
    stage.answers_launches = false;
    stage.reload();
    const WorkerId started = stage.find("r2-0").id;
    stage.reload(true);
    CHECK(stage.count<KillWorker>() == 0);
    stage.see(WorkerSpawned{started, 7});
    CHECK(stage.in(WorkerPhase::killing) == "r2-0");
    CHECK(stage.count<SignalWorker>() == 0);
}

TEST_CASE("A worker gets GO only after it was recorded") {
    Stage stage;
    stage.answers_launches = false;
    stage.reload();
    const WorkerId id = stage.find("r1-0").id;
    stage.see(WorkerSpawned{id, 7});
    CHECK(stage.count<RecordWorker>() == 1);
    CHECK(stage.count<ReleaseWorker>() == 0);
    stage.see(WorkerRecorded{id});
    CHECK(stage.count<ReleaseWorker>() == 1);
}

TEST_CASE("READY=1 may overtake the confirmation of the exec") {
    Stage stage;
    stage.answers_launches = false;
    stage.reload();
    const WorkerId id = stage.find("r1-0").id;
    stage.see(WorkerSpawned{id, 7});
    stage.see(WorkerRecorded{id});
    stage.ready("r1-0");
    CHECK(stage.verdict(1) == Verdict::complete);
    stage.see(WorkerExecuted{id});
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("on = \"started\" counts as ready after its delay, and READY=1 does not hurry it") {
    Stage stage;
    stage.spec.ready.on = ReadyOn::started;
    stage.spec.ready.delay = 3s;
    stage.reload();
    stage.ready("r1-0");
    CHECK(stage.in(WorkerPhase::starting) == "r1-0");
    stage.wait(3s);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("A stop aborts the rollout, drains everything and ends with status 0") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.reload();
    stage.reload();
    stage.see(StopRequested{false, "SIGTERM"});
    CHECK(stage.verdict(2) == Verdict::aborted);
    CHECK(stage.verdict(3) == Verdict::aborted);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0 r1-1 r2-0");
    for (const char* name : {"r1-0", "r1-1", "r2-0"})
        stage.exits(name, 0);
    CHECK(std::get<Finish>(stage.actions.back()).exit_status == 0);
    CHECK_FALSE(stage.wake_at);
}

TEST_CASE("A second stop kills what is left") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.see(StopRequested{false, "SIGTERM"});
    stage.see(StopRequested{true, "SIGTERM again"});
    CHECK(stage.in(WorkerPhase::killing) == "r1-0");
}

TEST_CASE("A request that comes while stopping is answered with a verdict") {
    Stage stage;
    stage.boot();
    stage.see(StopRequested{false, "SIGTERM"});
    stage.reload();
    CHECK(stage.verdict(2) == Verdict::aborted);
}

TEST_CASE("Observations about workers that are gone change nothing") {
    Stage stage;
    stage.boot();
    const State before = stage.state();
    stage.see(WorkerExited{99, {}, {}});
    stage.see(WorkerNotified{.worker = 99, .ready = true});
    stage.see(HookEnded{1, HookPoint::pre_stop, true, ""});
    stage.see(WorkerExecuted{1});
    CHECK(stage.state() == before);
}

TEST_CASE("Nothing but the outcome of the newest 64 rollouts is kept") {
    Stage stage;
    stage.boot();
    for (int i = 0; i < 100; ++i)
        stage.reload(true);
    CHECK(stage.state().outcomes.size() == 64);
}
