#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

TEST_CASE("The first revision starts every replica at once") {
    Stage stage(RolloutSpec{.replicas = 3});
    stage.reload();
    CHECK(stage.in(WorkerPhase::starting) == "r1-0 r1-1 r1-2");
    CHECK(stage.state().current == 0);
    for (const char* name : {"r1-0", "r1-1", "r1-2"})
        stage.ready(name);
    CHECK(stage.verdict(1) == Verdict::complete);
    CHECK(stage.state().current == 1);
}

TEST_CASE("An old worker is told to drain only after a new one is available") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.reload();
    CHECK(stage.in(WorkerPhase::starting) == "r2-0");
    CHECK(stage.count<RetireWorker>() == 0);
    stage.ready("r2-0");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.in(WorkerPhase::starting) == "r2-1");
    stage.ready("r2-1");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0 r1-1");
    CHECK(stage.verdict(2) == Verdict::complete);
    stage.exits("r1-0", 0);
    stage.exits("r1-1", 0);
    CHECK(stage.state().revisions.size() == 2); // the serving one and the one before it
    CHECK_FALSE(stage.wake_at);
}

TEST_CASE("Without surge an old worker goes first, and no more than max_unavailable") {
    Stage stage(RolloutSpec{.replicas = 3, .max_surge = {0, false}, .max_unavailable = {1, false}});
    stage.boot();
    stage.reload();
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.in(WorkerPhase::starting) == "r2-0");
    stage.ready("r2-0");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0 r1-1");
}

TEST_CASE("min_ready keeps a worker from being available, and the step asks to be woken for it") {
    Stage stage(RolloutSpec{.replicas = 1, .min_ready = 5s});
    stage.reload();
    stage.ready("r1-0");
    CHECK(stage.in(WorkerPhase::ready) == "r1-0");
    CHECK(stage.wake_at == stage.now + 5s);
    stage.wait(5s);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
    CHECK(stage.verdict(1) == Verdict::complete);
}

TEST_CASE("max_total holds new workers back while old ones drain") {
    Stage stage(RolloutSpec{.replicas = 1, .max_total = 2});
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.reload();
    CHECK_FALSE(stage.exists("r3-0"));
    stage.exits("r1-0", 0);
    CHECK(stage.in(WorkerPhase::starting) == "r3-0");
}

TEST_CASE("A surge in percent is rounded up and an unavailable share down") {
    const Budget budget =
        budget_of(RolloutSpec{.max_surge = {25, true}, .max_unavailable = {25, true}}, 5);
    CHECK(budget.surge == 2);
    CHECK(budget.unavailable == 1);
    CHECK(budget.total == 12);
}

TEST_CASE("Neither surge nor unavailable would be a rollout that never moves: surge becomes 1") {
    CHECK(budget_of(RolloutSpec{.max_surge = {0, true}, .max_unavailable = {10, true}}, 3).surge ==
          1);
}

TEST_CASE(
    "Scaling up starts workers of the current revision and scaling down drains the last replicas") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.see(ScaleRequested{4});
    CHECK(stage.in(WorkerPhase::starting) == "r1-2 r1-3");
    stage.ready("r1-2");
    stage.ready("r1-3");
    stage.see(ScaleRequested{1});
    CHECK(stage.in(WorkerPhase::stopping) == "r1-1 r1-2 r1-3");
    CHECK(stage.state().next_revision == 2);
}

TEST_CASE("A scale lasts over reloads until the file's own replicas change") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.see(ScaleRequested{2});
    stage.ready("r1-1");
    stage.reload();
    CHECK(stage.state().replicas == 2);
    stage.ready("r2-0");
    stage.ready("r2-1");
    stage.spec.rollout.replicas = 3;
    stage.reload();
    CHECK(stage.state().replicas == 3);
}

TEST_CASE("A reload during a rollout waits; a newer one takes its place") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    stage.reload();
    CHECK(stage.state().pending == 3);
    stage.reload();
    CHECK(stage.state().pending == 4);
    CHECK(stage.verdict(3) == Verdict::superseded);
    CHECK(find_outcome(stage.state(), 3)->successor == 4);
    stage.ready("r2-0");
    CHECK(stage.verdict(2) == Verdict::complete);
    CHECK(stage.in(WorkerPhase::starting) == "r4-0");
}

TEST_CASE(
    "A superseding reload ends the running rollout at once and takes its starting workers back") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    stage.reload(true);
    CHECK(stage.verdict(2) == Verdict::superseded);
    CHECK(find_outcome(stage.state(), 2)->successor == 3);
    CHECK(stage.find("r2-0").retirement == Retirement::taken_back);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
    CHECK(stage.in(WorkerPhase::starting) == "r3-0");
}

TEST_CASE("A revision is dropped only when its last worker is gone and it is not the one before") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.reload();
    stage.ready("r3-0");
    CHECK(stage.state().previous == 2);
    CHECK(stage.state().revisions.contains(1));
    stage.exits("r1-0", 0);
    CHECK_FALSE(stage.state().revisions.contains(1));
    stage.exits("r2-0", 0);
    CHECK(stage.state().revisions.contains(2));
    CHECK(revisions_in_use(stage.state()) == std::vector<RevisionNumber>{3});
}

TEST_CASE("Fewer replicas in the file cost no worker before the new revision has proved itself") {
    Stage stage(RolloutSpec{.replicas = 3});
    stage.boot();
    stage.spec.rollout.replicas = 1;
    stage.reload();
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1 r1-2");
    CHECK(stage.in(WorkerPhase::starting) == "r2-0");
    stage.ready("r2-0");
    CHECK(stage.in(WorkerPhase::available) == "r2-0");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("More replicas in the file are started from the new revision, not from the old one") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.spec.rollout.replicas = 4;
    stage.reload();
    CHECK(stage.in(WorkerPhase::starting) == "r2-1 r2-2 r2-3 r2-0");
}
