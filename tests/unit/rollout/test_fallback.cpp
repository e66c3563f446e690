// A boot that fails, and a revision of an earlier supervisor that is tried instead.
#include "stage.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::rollout;

TEST_CASE("A first revision that fails asks for the fallback, and the supervisor does not stop") {
    Stage stage(RolloutSpec{.replicas = 1}, Fallback::left);
    stage.reload();
    stage.exits("r1-0");
    CHECK(stage.verdict(1) == Verdict::failed);
    REQUIRE(stage.count<FallBack>() == 1);
    CHECK(stage.state().wanted == Wanted::run);
    CHECK(stage.state().fallback == Fallback::asked);
    stage.reload();
    CHECK(stage.state().fallback == Fallback::none);
    stage.ready("r2-0");
    CHECK(stage.verdict(2) == Verdict::complete);
    CHECK(stage.state().current == 2);
    CHECK_FALSE(stage.state().failed);
}

TEST_CASE("A fallback that fails too stops the supervisor with a failure") {
    Stage stage(RolloutSpec{.replicas = 1}, Fallback::left);
    stage.reload();
    stage.exits("r1-0");
    stage.reload();
    stage.exits("r2-0");
    CHECK(stage.count<FallBack>() == 1);
    CHECK(stage.state().failed);
    CHECK(stage.state().wanted == Wanted::ended);
}

TEST_CASE("A fallback that cannot be used ends the supervisor with a failure") {
    Stage stage(RolloutSpec{.replicas = 1}, Fallback::left);
    stage.reload();
    stage.exits("r1-0");
    stage.see(StopRequested{.reason = "its executable is gone", .failed = true});
    CHECK(stage.state().wanted == Wanted::ended);
    CHECK(std::get<Finish>(stage.actions.back()).exit_status == 1);
}

TEST_CASE("A reload that waits behind a first revision that fails comes before the fallback") {
    Stage stage(RolloutSpec{.replicas = 1}, Fallback::left);
    stage.reload();
    stage.reload();
    stage.exits("r1-0");
    CHECK(stage.count<FallBack>() == 0);
    CHECK(stage.in(WorkerPhase::starting) == "r2-0");
    stage.exits("r2-0");
    CHECK(stage.count<FallBack>() == 1);
}

TEST_CASE("Once a revision is complete there is no fallback any more") {
    Stage stage(RolloutSpec{.replicas = 1}, Fallback::left);
    stage.reload();
    stage.ready("r1-0");
    CHECK(stage.state().fallback == Fallback::none);
}
