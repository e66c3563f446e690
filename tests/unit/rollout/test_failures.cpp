#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

TEST_CASE(
    "A new version that cannot be executed is rejected at once with the launcher's sentence") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.reload();
    stage.see(LaunchFailed{stage.find("r2-0").id, 13, "exec",
                           "cannot execute /bin/web: Permission denied"});
    CHECK(stage.verdict(2) == Verdict::rolled_back);
    CHECK(find_outcome(stage.state(), 2)->reason ==
          "r2-0: cannot execute /bin/web: Permission denied");
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1");
    CHECK(stage.count<RetireWorker>() == 0);
    CHECK(stage.state().current == 1);
}

TEST_CASE("A new version that exits before it is ready is rejected with its last words") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    stage.exits("r2-0", 3);
    CHECK(find_outcome(stage.state(), 2)->reason == "r2-0: exit status 3 before it was ready");
    CHECK(find_outcome(stage.state(), 2)->last_output == std::vector<std::string>{"last words"});
}

TEST_CASE("A new version that hangs is rejected at its readiness deadline") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    CHECK(stage.wake_at == stage.now + 60s);
    stage.wait(60s);
    CHECK(find_outcome(stage.state(), 2)->reason == "r2-0: was not ready within 1m");
    CHECK(stage.in(WorkerPhase::stopping) == "r2-0");
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("What a version that fails and lives wrote last is asked for before it is judged") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reads_output = false;
    stage.reload();
    stage.wait(60s);
    CHECK(stage.count<ReadOutput>() == 1);
    CHECK(stage.in(WorkerPhase::starting) == "r2-0"); // nobody retires it before
    stage.wait(2s);
    CHECK(stage.count<ReadOutput>() == 1);
    stage.see(OutputRead{stage.find("r2-0").id, {"cannot reach the database"}});
    CHECK(find_outcome(stage.state(), 2)->reason == "r2-0: was not ready within 1m");
    CHECK(find_outcome(stage.state(), 2)->last_output ==
          std::vector<std::string>{"cannot reach the database"});
}

TEST_CASE("What its hook wrote is what a worker is told with, and it is not asked") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reads_output = false;
    stage.spec.ready.post_ready =
        HookSpec{.what = ExecHook{{"/bin/false"}}, .on_failure = HookFailure::fail};
    stage.reload();
    stage.ready("r2-0");
    stage.see(HookEnded{stage.find("r2-0").id,
                        HookPoint::post_ready,
                        false,
                        "exit status 1",
                        {"asks the balancer"}});
    CHECK(stage.count<ReadOutput>() == 0);
    CHECK(find_outcome(stage.state(), 2)->last_output ==
          std::vector<std::string>{"asks the balancer"});
}

TEST_CASE("An answer that does not come is not waited for") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reads_output = false;
    stage.reload();
    stage.wait(60s);
    CHECK(stage.wake_at == stage.now + 3s);
    stage.wait(3s);
    CHECK(find_outcome(stage.state(), 2)->last_output.empty());
    CHECK(stage.in(WorkerPhase::stopping) == "r2-0");
}

TEST_CASE("One that exits while it is asked is told with what its exit brought") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reads_output = false;
    stage.reload();
    stage.wait(60s);
    const WorkerId asked = stage.find("r2-0").id;
    stage.exits("r2-0", 3);
    stage.see(OutputRead{asked, {"too late"}});
    CHECK(find_outcome(stage.state(), 2)->reason == "r2-0: exit status 3 before it was ready");
    CHECK(find_outcome(stage.state(), 2)->last_output == std::vector<std::string>{"last words"});
}

TEST_CASE("A new version that dies within min_ready is rejected") {
    Stage stage(RolloutSpec{.replicas = 1, .min_ready = 5s});
    stage.reload();
    stage.ready("r1-0");
    stage.wait(5s);
    stage.reload();
    stage.ready("r2-0");
    stage.exits("r2-0");
    CHECK(find_outcome(stage.state(), 2)->reason == "r2-0: exit status 1 within min_ready");
}

TEST_CASE("A rollback brings the old revision back before it takes the new workers away") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.exits("r1-0", 0);
    stage.exits("r2-1");
    CHECK(stage.state().rollout->phase == RolloutPhase::rolling_back);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0.1");
    CHECK(stage.in(WorkerPhase::available) == "r1-1 r2-0");
    stage.ready("r1-0.1");
    CHECK(stage.in(WorkerPhase::stopping) == "r2-0");
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("A rollback puts the number of replicas back") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.spec.rollout.replicas = 3;
    stage.reload();
    CHECK(stage.state().replicas == 3);
    stage.exits("r2-1");
    CHECK(stage.state().replicas == 1);
    CHECK(stage.state().file_replicas == 1);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("Boot fails when the first revision fails: its workers are taken back and the exit "
          "status is 1") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.reload();
    stage.ready("r1-0");
    stage.exits("r1-1");
    CHECK(stage.verdict(1) == Verdict::failed);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    stage.exits("r1-0", 0);
    CHECK(std::get<Finish>(stage.actions.back()).exit_status == 1);
}

TEST_CASE("A worker that dies by itself is started again with exponential backoff from its own "
          "revision") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.exits("r1-0");
    CHECK(stage.wake_at == stage.now + 100ms);
    stage.wait(100ms);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0.1");
    stage.exits("r1-0.1");
    CHECK(stage.wake_at == stage.now + 200ms);
    stage.wait(200ms);
    stage.ready("r1-0.2");
    stage.wait(30s);
    stage.exits("r1-0.2");
    CHECK(stage.wake_at == stage.now + 100ms);
    CHECK(stage.state().replica_list[0].restarts == 3);
}

TEST_CASE("restart.policy says which deaths are final") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.spec.restart.policy = RestartPolicy::on_failure;
    stage.boot();
    stage.exits("r1-0", 0);
    stage.exits("r1-1", 1);
    stage.wait(1s);
    CHECK(stage.in(WorkerPhase::starting) == "r1-1.1");
    CHECK(stage.state().replica_list[0].held_down);
}

TEST_CASE("During a rollout a crashed old worker is replaced by its own kind before the new one "
          "gets its place") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.reload();
    stage.exits("r1-1");
    stage.wait(100ms);
    CHECK(stage.in(WorkerPhase::starting) == "r2-0 r1-1.1");
}

TEST_CASE("A new worker that crashes after it was available fails its rollout") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.exits("r2-0");
    CHECK(stage.state().rollout->reason == "r2-0: exit status 1 during its rollout");
}

TEST_CASE("A slow drain is not the new revision's lack of progress") {
    Stage stage(RolloutSpec{.replicas = 2, .progress_deadline = 20s, .max_total = 3});
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.wait(25s);
    CHECK_FALSE(find_outcome(stage.state(), 2));
    stage.exits("r1-0", 0);
    CHECK(stage.in(WorkerPhase::starting) == "r2-1");
    stage.ready("r2-1");
    CHECK(stage.verdict(2) == Verdict::complete);
}
