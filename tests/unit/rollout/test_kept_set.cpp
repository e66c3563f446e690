// A warm old set, and who needs its room.
#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

/// Revision 2 serves, revision 1 is kept warm beside it for ten minutes.
Stage kept_beside(std::uint32_t replicas, std::optional<std::uint32_t> max_total) {
    Stage stage(RolloutSpec{.replicas = replicas,
                            .strategy = Strategy::blue_green,
                            .max_total = max_total,
                            .stages = {RolloutStage{Share{100, true}, 0s}},
                            .keep_old = 10min});
    stage.boot();
    stage.reload();
    for (std::uint32_t index = 0; index < replicas; ++index)
        stage.ready("r2-" + std::to_string(index));
    stage.actions.clear();
    stage.events.clear();
    return stage;
}

std::string told(const Stage& stage, EventKind kind) {
    for (const Event& event : stage.events)
        if (event.kind == kind)
            return event.text;
    return {};
}

} // namespace

TEST_CASE("a kept old set gives way to the successor of a crashed worker where max_total is full") {
    Stage stage = kept_beside(2, 3);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1 r2-0 r2-1");
    stage.exits("r2-0");
    CHECK(stage.state().kept == 1); // nothing is due before the backoff is over
    stage.wait(100ms);
    CHECK(stage.state().kept == 0);
    CHECK(
        told(stage, EventKind::keeping_ended) ==
        "the old set of revision 1 is kept no longer: another worker is due, and max_total (3) has "
        "no room for it");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-1"); // the other one stands in
    stage.exits("r1-1", 0);
    CHECK(stage.in(WorkerPhase::starting) == "r2-0.1");
    stage.ready("r2-0.1");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.in(WorkerPhase::available) == "r2-1 r2-0.1");
}

TEST_CASE("with room enough a kept old set stays") {
    Stage stage = kept_beside(2, std::nullopt);
    stage.exits("r2-0");
    stage.wait(100ms);
    CHECK(stage.in(WorkerPhase::starting) == "r2-0.1");
    CHECK(stage.state().kept == 1);
    CHECK(told(stage, EventKind::keeping_ended).empty());
}

TEST_CASE("a kept old set gives way to a replacement and to a larger number of replicas") {
    Stage stage = kept_beside(1, 2);
    SUBCASE("svc replace") {
        stage.see(ReplaceRequested{0, "asked for"});
        CHECK(stage.state().kept == 0);
        CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
        stage.exits("r1-0", 0);
        stage.ready("r2-0.1");
        CHECK(stage.find("r2-0").retirement_reason == "replaced, asked for");
    }
    SUBCASE("svc scale") {
        stage.see(ScaleRequested{3, false});
        CHECK(stage.in(WorkerPhase::starting) == "r2-1 r2-2"); // max_total grows with replicas
        CHECK(stage.state().kept == 1);
        stage.ready("r2-1");
        stage.ready("r2-2");
        stage.see(ReplaceRequested{0, "asked for"});
        CHECK(stage.state().kept == 0);
    }
}

TEST_CASE("a kept old set stays while what drains leaves room soon") {
    Stage stage = kept_beside(2, 4);
    stage.see(ScaleRequested{1, false});
    CHECK(stage.in(WorkerPhase::stopping) == "r2-1");
    stage.see(ScaleRequested{2, false});
    CHECK(stage.state().kept == 1);
    stage.exits("r2-1", 0);
    CHECK(stage.in(WorkerPhase::starting) == "r2-1.1");
    CHECK(stage.state().kept == 1);
}

TEST_CASE("a kept old set gives way where what drains does not leave room enough") {
    Stage stage = kept_beside(2, 3); // four run, for a second set needs as many
    stage.see(ScaleRequested{1, false});
    stage.see(ScaleRequested{2, false});
    stage.exits("r2-1", 0);
    CHECK(stage.state().kept == 0);
}

TEST_CASE("what cannot be killed leaves no room, so that a kept old set gives way") {
    Stage stage = kept_beside(2, 4);
    stage.see(ScaleRequested{1, false});
    stage.see(ScaleRequested{2, false});
    CHECK(stage.state().kept == 1);
    stage.wait(30s); // the grace period
    stage.see(KillFailed{stage.find("r2-1").id, "Operation not permitted"});
    CHECK(stage.state().kept == 0);
}

TEST_CASE("the end of a kept old set is told when its time is over, too") {
    Stage stage = kept_beside(1, std::nullopt);
    stage.wait(10min);
    CHECK(told(stage, EventKind::keeping_ended) ==
          "the old set of revision 1 is kept no longer: its time is over");
}
