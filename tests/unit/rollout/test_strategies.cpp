// Recreate, blue-green and canary; pause, abort, promote and replace.
#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

RolloutSpec blue_green(std::uint32_t replicas, std::optional<svc::Duration> hold) {
    return {.replicas = replicas,
            .strategy = Strategy::blue_green,
            .stages = {RolloutStage{Share{100, true}, hold}}};
}

RolloutSpec canary(std::uint32_t replicas, std::vector<RolloutStage> steps) {
    return {.replicas = replicas, .strategy = Strategy::canary, .stages = std::move(steps)};
}

const RolloutStage one_by_hand{Share{1, false}, std::nullopt};

/// A canary of four of which the first serves and is held.
Stage held_canary() {
    return Stage(canary(4, {one_by_hand}));
}

void reach_first_step(Stage& stage) {
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.exits("r1-0", 0);
}

void serve_the_rest(Stage& stage) {
    for (const char* name : {"r2-1", "r2-2", "r2-3"})
        stage.ready(name);
}

} // namespace

TEST_CASE("recreate starts nobody before the last old worker is gone") {
    Stage stage(RolloutSpec{.replicas = 2, .strategy = Strategy::recreate});
    stage.boot();
    stage.reload();
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0 r1-1");
    stage.exits("r1-0", 0);
    CHECK_FALSE(stage.exists("r2-0"));
    stage.exits("r1-1", 0);
    CHECK(stage.in(WorkerPhase::starting) == "r2-0 r2-1");
    stage.ready("r2-0");
    stage.ready("r2-1");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("a recreate that fails starts the old revision again once the new one is gone") {
    Stage stage(RolloutSpec{.replicas = 1, .strategy = Strategy::recreate});
    stage.boot();
    stage.reload();
    stage.exits("r1-0", 0);
    stage.exits("r2-0");
    CHECK(stage.in(WorkerPhase::starting) == "r1-0.1");
    stage.ready("r1-0.1");
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("a second set is whole before anybody of the first one goes") {
    Stage stage(blue_green(2, 0s));
    stage.boot();
    stage.reload();
    CHECK(stage.in(WorkerPhase::starting) == "r2-0 r2-1");
    stage.ready("r2-0");
    CHECK(stage.in(WorkerPhase::stopping).empty());
    stage.ready("r2-1");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0 r1-1");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("a second set that a person is to promote waits for that, for days") {
    Stage stage(blue_green(1, std::nullopt));
    stage.boot();
    stage.reload();
    stage.see(PromoteRequested{}); // too early: nothing is there to be promoted
    stage.ready("r2-0");
    CHECK(is_held(stage.state()));
    CHECK_FALSE(stage.wake_at);
    stage.wait(100h);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r2-0");
    stage.see(PromoteRequested{});
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("a kept old set runs on beside the new one and drains when its time is over") {
    Stage stage(blue_green(1, 0s));
    stage.spec.rollout.keep_old = 10min;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    CHECK(stage.verdict(2) == Verdict::complete);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r2-0");
    CHECK(stage.state().kept == 1);
    CHECK(stage.wake_at == stage.now + 10min);
    stage.wait(10min);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.state().kept == 0);
}

TEST_CASE("the next rollout takes the places of a kept old set") {
    Stage stage(blue_green(1, 0s));
    stage.spec.rollout.keep_old = 10min;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.reload();
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.in(WorkerPhase::available) == "r2-0");
}

TEST_CASE("a canary has as many new workers as its step says, and the rest stays") {
    Stage stage(canary(4, {{Share{25, true}, 5min}, {Share{3, false}, std::nullopt}}));
    reach_first_step(stage);
    CHECK(stage.in(WorkerPhase::available) == "r1-1 r1-2 r1-3 r2-0");
    CHECK(stage.wake_at == stage.now + 5min);
    stage.wait(5min);
    stage.ready("r2-1");
    stage.exits("r1-1", 0);
    stage.ready("r2-2");
    stage.exits("r1-2", 0);
    CHECK(stage.in(WorkerPhase::available) == "r1-3 r2-0 r2-1 r2-2");
    CHECK_FALSE(stage.wake_at);
    stage.see(PromoteRequested{});
    stage.ready("r2-3");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("the first revision of all goes without steps") {
    Stage stage(canary(2, {one_by_hand}));
    stage.reload();
    CHECK(stage.in(WorkerPhase::starting) == "r1-0 r1-1");
}

TEST_CASE("an analysis decides at the end of the hold") {
    Stage stage(canary(4, {{Share{1, false}, 5min}}));
    stage.spec.rollout.analysis = HookSpec{ExecHook{{"/bin/rate"}}, 1min, HookFailure::fail};
    reach_first_step(stage);
    CHECK(stage.count<RunRolloutHook>() == 0);
    stage.wait(5min);
    CHECK(stage.count<RunRolloutHook>() == 1);
    SUBCASE("passed: the rest follows") {
        stage.see(RolloutHookEnded{2, RolloutHook::analysis, 0, true, {}, {}});
        serve_the_rest(stage);
        CHECK(stage.verdict(2) == Verdict::complete);
    }
    SUBCASE("failed: taken back, with what it said") {
        stage.see(
            RolloutHookEnded{2, RolloutHook::analysis, 0, false, "exit status 1", {"5 % errors"}});
        CHECK(stage.state().rollout->phase == RolloutPhase::rolling_back);
        CHECK(stage.state().rollout->reason == "the analysis failed: exit status 1");
        CHECK(stage.state().rollout->last_output == std::vector<std::string>{"5 % errors"});
    }
    SUBCASE("failed, and on_failure is pause: run again when it is resumed") {
        stage.spec.rollout.on_failure = OnFailure::pause; // of the next rollout
        stage.reload(true);
        stage.ready("r3-0");
        stage.wait(5min);
        stage.see(RolloutHookEnded{3, RolloutHook::analysis, 0, false, "exit status 1", {}});
        CHECK(stage.state().rollout->paused_at);
        stage.actions.clear();
        stage.see(ResumeRequested{});
        CHECK(stage.count<RunRolloutHook>() == 1);
    }
}

TEST_CASE("a failure that was noted while paused is not overwritten by a later one") {
    Stage stage(canary(4, {{Share{1, false}, 0s}}));
    stage.spec.rollout.analysis = HookSpec{ExecHook{{"/bin/rate"}}, 1min, HookFailure::fail};
    reach_first_step(stage);
    stage.see(PauseRequested{"lunch"});
    stage.exits("r2-0");
    CHECK(stage.state().rollout->failure == "r2-0: exit status 1 during its rollout");
    stage.see(RolloutHookEnded{2, RolloutHook::analysis, 0, false, "later", {"later"}});
    CHECK(stage.state().rollout->failure == "r2-0: exit status 1 during its rollout");
    CHECK(stage.state().rollout->last_output == std::vector<std::string>{"last words"});
}

TEST_CASE("paused, a rollout moves nothing, and no deadline of it passes") {
    Stage stage(RolloutSpec{.replicas = 2, .progress_deadline = 1min});
    stage.boot();
    stage.reload();
    stage.see(PauseRequested{"lunch"});
    stage.ready("r2-0");
    stage.wait(1h);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1 r2-0");
    CHECK_FALSE(stage.exists("r2-1"));
    stage.see(ResumeRequested{});
    CHECK(stage.exists("r2-1"));
    CHECK(stage.state().rollout->phase == RolloutPhase::progressing);
}

TEST_CASE("on_failure = pause stands still, and resuming tries again") {
    Stage stage(RolloutSpec{.replicas = 1, .on_failure = OnFailure::pause});
    stage.boot();
    stage.reload();
    stage.exits("r2-0");
    REQUIRE(stage.state().rollout);
    CHECK(stage.state().rollout->pause_reason == "r2-0: exit status 1 before it was ready");
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
    stage.see(ResumeRequested{});
    CHECK(stage.in(WorkerPhase::starting) == "r2-0.1");
    stage.ready("r2-0.1");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("an abort takes the rollout back and calls off what waits behind it") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    stage.reload();
    stage.see(AbortRequested{"aborted by uid 0"});
    CHECK(stage.find("r2-0").retirement == Retirement::taken_back);
    CHECK(stage.verdict(3) == Verdict::aborted);
    stage.exits("r2-0", 0);
    CHECK(stage.verdict(2) == Verdict::rolled_back);
    CHECK(find_outcome(stage.state(), 2)->reason == "aborted by uid 0");
    CHECK(stage.state().current == 1);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("what is called off has its event, as whatever else ends") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    stage.reload();
    stage.see(AbortRequested{"aborted by uid 0"});
    bool told = false;
    for (const Event& event : stage.events)
        told |= event.kind == EventKind::rollout_ended && event.revision == 3 &&
                event.verdict == Verdict::aborted;
    CHECK(told);
}

TEST_CASE("an abort of a canary brings back what its steps replaced") {
    Stage stage = held_canary();
    reach_first_step(stage);
    stage.see(AbortRequested{"aborted by uid 0"});
    CHECK(stage.in(WorkerPhase::starting) == "r1-0.1");
    CHECK(stage.in(WorkerPhase::available) == "r1-1 r1-2 r1-3 r2-0");
    stage.ready("r1-0.1");
    CHECK(stage.in(WorkerPhase::stopping) == "r2-0");
    stage.exits("r2-0", 0);
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("the first rollout of all is neither paused nor aborted") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.reload();
    stage.see(PauseRequested{"lunch"});
    stage.see(AbortRequested{"no"});
    CHECK_FALSE(stage.state().rollout->paused_at);
    stage.ready("r1-0");
    CHECK(stage.verdict(1) == Verdict::complete);
}

TEST_CASE("a reload need not wait for a rollout that is held or paused") {
    Stage stage = held_canary();
    reach_first_step(stage);
    stage.reload();
    CHECK(stage.verdict(2) == Verdict::superseded);
    CHECK(stage.state().rollout->to == 3);
}

TEST_CASE("a replaced worker goes when its successor of the same revision is available") {
    Stage stage(RolloutSpec{.replicas = 2});
    stage.boot();
    stage.see(ReplaceRequested{1, "asked for"});
    CHECK(stage.in(WorkerPhase::starting) == "r1-1.1");
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1");
    stage.ready("r1-1.1");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-1");
    CHECK(stage.find("r1-1").retirement_reason == "replaced, asked for");
    stage.exits("r1-1", 0);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1.1");
    CHECK(stage.state().next_revision == 2);
}

TEST_CASE("a successor that dies leaves the worker that it was to replace in its place") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.see(ReplaceRequested{0, "asked for"});
    stage.exits("r1-0.1");
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
    stage.wait(100ms);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0.2");
}

TEST_CASE("an immediate rollout waits for no min_ready") {
    Stage stage(RolloutSpec{.replicas = 1, .min_ready = 5min});
    stage.reload();
    stage.ready("r1-0");
    stage.wait(5min);
    Revision revision;
    revision.spec = stage.spec;
    stage.see(RolloutRequested{revision, false, true});
    stage.ready("r2-0");
    CHECK(stage.verdict(2) == Verdict::complete);
}
