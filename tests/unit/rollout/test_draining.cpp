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

namespace {

/// One replica of revision 1 that waits for its connections, just replaced by revision 2.
Stage& waiting(Stage& stage, svc::Duration wait_idle = 20s) {
    stage.spec.stop.wait_idle = wait_idle;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    return stage;
}

void count(Stage& stage, std::optional<std::uint64_t> open) {
    stage.see(ConnectionsCounted{stage.find("r1-0").id, open});
}

} // namespace

TEST_CASE("With wait_idle the stop signal comes as soon as the last connection is gone") {
    Stage stage;
    waiting(stage);
    CHECK(stage.count<CountConnections>() == 1);
    CHECK(stage.in(WorkerPhase::draining) == "r1-0");
    CHECK_FALSE(stage.state().rollout); // which does not wait for a drain
    count(stage, 2);
    CHECK(stage.count<CountConnections>() == 1);
    CHECK(stage.wake_at == stage.now + 1s);
    stage.wait(1s);
    CHECK(stage.count<CountConnections>() == 2);
    CHECK(stage.in(WorkerPhase::draining) == "r1-0");
    count(stage, 0);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.events.back().text == "is told to stop: it has no connection left");
    CHECK(stage.wake_at == stage.now + 28s + 500ms); // the grace counts from the beginning
}

TEST_CASE("Connections are not counted before the pre-stop hook has ended") {
    Stage stage;
    stage.spec.stop.pre_stop = HookSpec{SleepHook{1h}, {}, HookFailure::ignore};
    waiting(stage);
    CHECK(stage.count<CountConnections>() == 0);
    stage.wait(5s);
    CHECK(stage.count<CountConnections>() == 0);
    stage.see(HookEnded{stage.find("r1-0").id, HookPoint::pre_stop, true, ""});
    CHECK(stage.count<CountConnections>() == 1);
    CHECK(*stage.find("r1-0").idle_deadline == stage.now + 20s);
}

TEST_CASE("A wait for connections ends after wait_idle, whatever is known of them by then") {
    Stage stage;
    std::string text;
    SUBCASE("with how many there are left") {
        waiting(stage);
        count(stage, 12);
        text = "is told to stop with 12 connections open";
    }
    SUBCASE("when nobody can tell how many there are, which is not none") {
        waiting(stage);
        count(stage, std::nullopt);
        text = "is told to stop without it being known whether its connections have ended";
    }
    SUBCASE("when no answer comes at all") {
        waiting(stage);
        text = "is told to stop without it being known whether its connections have ended";
    }
    stage.wait(19s);
    CHECK(stage.in(WorkerPhase::draining) == "r1-0");
    stage.wait(1s);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.events.back().text == text);
}

TEST_CASE("A wait for connections leaves the stop signal its time") {
    Stage stage;
    waiting(stage, 1h);
    count(stage, 1);
    stage.wait(27s);
    CHECK(stage.in(WorkerPhase::draining) == "r1-0");
    stage.wait(1s);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
}

TEST_CASE("A worker that SIGKILL ends is counted shortly before, to say what was cut") {
    Stage stage;
    std::optional<std::uint64_t> open;
    std::string text = "did not end within its grace period";
    SUBCASE("some") {
        open = 3;
        text += "; 3 connections are cut";
    }
    SUBCASE("one") {
        open = 1;
        text += "; 1 connection is cut";
    }
    SUBCASE("none") {
        open = 0;
    }
    SUBCASE("an unknown number") {
        text += "; nobody knows how many connections are cut";
    }
    waiting(stage);
    count(stage, 12);
    stage.wait(20s);
    if (stage.find("r1-0").counting_since)
        count(stage, 12);
    REQUIRE(stage.in(WorkerPhase::stopping) == "r1-0");
    const auto before = stage.count<CountConnections>();
    CHECK(stage.wake_at == stage.now + 9s + 500ms);
    stage.wait(9s + 500ms);
    CHECK(stage.count<CountConnections>() == before + 1);
    count(stage, open);
    stage.wait(500ms);
    CHECK(stage.in(WorkerPhase::killing) == "r1-0");
    CHECK(stage.events.back().text == text);
}

TEST_CASE("A stop at once waits for no connection") {
    Stage stage;
    waiting(stage);
    count(stage, 1);
    stage.see(StopRequested{true, "svc stop --now"});
    CHECK(stage.in(WorkerPhase::draining).empty());
}

TEST_CASE("Connections of a worker that never served are not waited for") {
    Stage stage;
    stage.spec.stop.wait_idle = 20s;
    stage.boot();
    stage.reload();
    stage.reload(true);
    CHECK(stage.in(WorkerPhase::stopping) == "r2-0");
    CHECK(stage.count<CountConnections>() == 0);
}
