// Workers that reload themselves, and the hooks of a rollout.
#include "rollout/recover.h"
#include "stage.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

constexpr HookSpec signal_hook() {
    return HookSpec{SignalHook{1}, {}, HookFailure::fail};
}

Stage in_place(std::uint32_t replicas, bool revert = false) {
    RolloutSpec rollout;
    rollout.replicas = replicas;
    rollout.strategy = Strategy::in_place;
    rollout.in_place = InPlaceSpec{signal_hook(), {}, {}};
    if (revert)
        rollout.in_place->revert = signal_hook();
    return Stage(rollout);
}

void reload(Stage& stage) {
    Revision revision;
    revision.spec = stage.spec;
    revision.in_place = true;
    stage.see(RolloutRequested{revision});
}

void answers(Stage& stage, const std::string& worker, bool succeeded) {
    stage.see(WorkerReloaded{stage.find(worker).id, succeeded, "no READY=1", {"bad file"}});
}

std::string reloading(const Stage& stage) {
    std::string names;
    for (const auto& [id, worker] : stage.state().workers)
        if (worker.becoming != 0)
            names += (names.empty() ? "" : " ") + worker.name;
    return names;
}

void ends(Stage& stage, RolloutHook hook, bool succeeded) {
    stage.see(RolloutHookEnded{stage.state().rollout->to,
                               hook,
                               stage.state().rollout->stage,
                               succeeded,
                               "exit status 1",
                               {"too many errors"}});
}

} // namespace

TEST_CASE("a worker that is started is verified, too, before it counts as ready") {
    Stage stage = in_place(1);
    stage.spec.rollout.in_place->verify = signal_hook();
    stage.reload();
    const auto verified = [&](ProbeVerdict verdict) {
        stage.see(ProbeReported{.worker = stage.state().workers.rbegin()->first,
                                .kind = ProbeKind::verify,
                                .verdict = verdict,
                                .detail = "exit status 1"});
    };
    verified(ProbeVerdict::passed); // nobody asked yet
    SUBCASE("it said READY=1") {
        stage.ready("r1-0");
        stage.ready("r1-0"); // says no more than before
        CHECK(stage.in(WorkerPhase::starting) == "r1-0");
        CHECK(stage.find("r1-0").watched == ProbeKind::verify);
        SUBCASE("and is verified") {
            verified(ProbeVerdict::failing);
            CHECK(stage.in(WorkerPhase::starting) == "r1-0");
            verified(ProbeVerdict::passed);
            CHECK(stage.in(WorkerPhase::available) == "r1-0");
        }
        SUBCASE("and is not: it failed") {
            verified(ProbeVerdict::failing);
            stage.wait(60s);
            CHECK(stage.taken_back(1) ==
                  "r1-0: was not ready within 1m; it was not verified: exit status 1");
        }
        SUBCASE("and a new supervisor asks again") {
            State left = stage.state();
            std::vector<Event> events;
            recover(left, Survivors{{left.workers.begin()->first}}, stage.now, events);
            Stage next(left, stage.now);
            next.step();
            CHECK(next.count<WatchWorker>() == 1);
            CHECK(next.find("r1-0").watched == ProbeKind::verify);
        }
    }
}

TEST_CASE("what is ready because it runs, or by its probe, is verified as well") {
    Stage stage = in_place(1);
    stage.spec.rollout.in_place->verify = signal_hook();
    stage.spec.ready.delay = 70s; // the time for the verification begins after it
    stage.spec.ready.on = ReadyOn::started;
    SUBCASE("started") {
        stage.reload();
        stage.wait(70s);
    }
    SUBCASE("probe") {
        stage.spec.ready.on = ReadyOn::probe;
        stage.reload();
        stage.see(ProbeReported{1, ProbeKind::ready, ProbeVerdict::passed, {}});
    }
    CHECK(stage.find("r1-0").watched == ProbeKind::verify);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0");
    stage.wait(59s);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0");
    stage.see(ProbeReported{1, ProbeKind::verify, ProbeVerdict::passed, {}});
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("a rollback does not serve what the old revision's verification refuses") {
    Stage stage = in_place(1);
    stage.spec.rollout.in_place->verify = signal_hook();
    stage.reload();
    stage.ready("r1-0");
    stage.see(ProbeReported{1, ProbeKind::verify, ProbeVerdict::passed, {}});
    reload(stage);
    answers(stage, "r1-0", false);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0.1");
    stage.ready("r1-0.1"); // of what the files say now
    CHECK(stage.state().rollout);
    stage.wait(60s);
    CHECK(stage.find("r1-0.1").retirement == Retirement::failed);
}

TEST_CASE("workers reload themselves one after the other, and no process is started") {
    Stage stage = in_place(3);
    stage.spec.rollout.min_ready = 2s;
    stage.reload();
    for (const char* name : {"r1-0", "r1-1", "r1-2"})
        stage.ready(name);
    stage.wait(2s);
    stage.actions.clear();
    reload(stage);
    CHECK(reloading(stage) == "r1-0");
    answers(stage, "r1-0", true);
    CHECK(reloading(stage).empty()); // min_ready of the first one
    CHECK(stage.find("r1-0").revision == 2);
    stage.wait(2s);
    CHECK(reloading(stage) == "r1-1");
    answers(stage, "r1-1", true);
    stage.wait(2s);
    answers(stage, "r1-2", true);
    CHECK(stage.state().rollout);
    stage.wait(2s);
    CHECK(stage.verdict(2) == Verdict::complete);
    CHECK(stage.count<LaunchWorker>() == 0);
    CHECK(stage.count<RetireWorker>() == 0);
}

TEST_CASE(
    "without a revert, a worker that cannot reload itself is replaced, and so is who had done so") {
    Stage stage = in_place(2);
    stage.boot();
    reload(stage);
    answers(stage, "r1-0", true);
    answers(stage, "r1-1", false);
    CHECK_FALSE(stage.taken_back(2).empty());
    CHECK(stage.taken_back(2) == "r1-1: in-place reload failed: no READY=1");
    CHECK(stage.state().rollout->last_output == std::vector<std::string>{"bad file"});
    stage.ready("r1-0.1");
    stage.exits("r1-0", 0);
    stage.ready("r1-1.1");
    stage.exits("r1-1", 0);
    CHECK(stage.verdict(2) == Verdict::rolled_back);
    CHECK(stage.in(WorkerPhase::available) == "r1-0.1 r1-1.1");
}

TEST_CASE("with a revert, workers go back without another process; who cannot is replaced") {
    Stage stage = in_place(2, true);
    stage.boot();
    reload(stage);
    answers(stage, "r1-0", true);
    answers(stage, "r1-1", false);
    CHECK(reloading(stage) == "r1-0");
    answers(stage, "r1-0", true);
    CHECK(reloading(stage) == "r1-1");
    answers(stage, "r1-1", false);
    CHECK(stage.find("r1-1").stale == "it could not be reverted");
    stage.ready("r1-1.1");
    CHECK(stage.verdict(2) == Verdict::rolled_back);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1.1");
    CHECK(stage.find("r1-0").revision == 1);
}

TEST_CASE("a worker that dies over its reload fails the new version") {
    Stage stage = in_place(2);
    stage.boot();
    reload(stage);
    stage.exits("r1-0", 1);
    CHECK(stage.taken_back(2) == "r1-0: exit status 1 during its rollout");
    stage.ready("r1-0.1");
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("a rollback waits for the answer of the worker that is reloading itself") {
    Stage stage = in_place(1);
    stage.boot();
    reload(stage);
    stage.see(AbortRequested{"aborted"});
    CHECK(stage.state().rollout);
    answers(stage, "r1-0", true);
    CHECK(stage.find("r1-0").revision == 2);
    stage.ready("r1-0.1");
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("a revision whose workers cannot become it by themselves is rolled out with new ones") {
    Stage stage = in_place(1);
    stage.boot();
    stage.reload(); // not marked in_place
    CHECK(reloading(stage).empty());
    stage.ready("r2-0");
    CHECK(stage.verdict(2) == Verdict::complete);
}

TEST_CASE("nothing moves before the rollout's first hook passed, and its failure moves nothing") {
    RolloutSpec rollout;
    rollout.before = HookSpec{ExecHook{{"/bin/true"}}, 10s, HookFailure::fail};
    Stage stage(rollout);
    stage.reload();
    CHECK(stage.count<LaunchWorker>() == 0);
    ends(stage, RolloutHook::before, true);
    stage.ready("r1-0");
    REQUIRE(stage.verdict(1) == Verdict::complete);
    stage.actions.clear();
    stage.reload();
    ends(stage, RolloutHook::before, false);
    CHECK(stage.verdict(2) == Verdict::rolled_back);
    CHECK(find_outcome(stage.state(), 2)->reason ==
          "the hook before the rollout failed: exit status 1");
    CHECK(stage.count<LaunchWorker>() == 0);
    CHECK(stage.count<RetireWorker>() == 0);
}

TEST_CASE("the verdict waits for the rollout's last hook, whose failure takes it back") {
    RolloutSpec rollout;
    Stage stage(rollout);
    stage.boot();
    stage.spec.rollout.after = HookSpec{ExecHook{{"/bin/true"}}, 10s, HookFailure::fail};
    stage.reload();
    stage.ready("r2-0");
    REQUIRE(stage.state().rollout);
    CHECK(stage.state().rollout->after == HookProgress::running);
    ends(stage, RolloutHook::after, false);
    CHECK_FALSE(stage.taken_back(2).empty());
    stage.ready("r1-0.1");
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("a hook whose failure is ignored is told of, and counts as passed") {
    RolloutSpec rollout;
    rollout.after = HookSpec{ExecHook{{"/bin/true"}}, 10s, HookFailure::ignore};
    Stage stage(rollout);
    stage.reload();
    stage.ready("r1-0");
    ends(stage, RolloutHook::after, false);
    CHECK(stage.verdict(1) == Verdict::complete);
    CHECK(std::any_of(stage.events.begin(), stage.events.end(),
                      [](const Event& event) { return event.kind == EventKind::hook_failed; }));
}

TEST_CASE("a pending reload waits while the rollout's last hook runs") {
    RolloutSpec rollout;
    rollout.after = HookSpec{ExecHook{{"/bin/true"}}, 10s, HookFailure::ignore};
    Stage stage(rollout);
    stage.reload();
    stage.ready("r1-0");
    stage.reload();
    CHECK(stage.state().rollout->to == 1);
    ends(stage, RolloutHook::after, true);
    CHECK(stage.verdict(1) == Verdict::complete);
    CHECK(stage.state().rollout->to == 2);
}

TEST_CASE("the pre-stop hook of an old worker can fail the rollout that replaces it") {
    Stage stage;
    stage.spec.stop.pre_stop = HookSpec{ExecHook{{"/bin/true"}}, {}, HookFailure::fail};
    stage.spec.rollout.replicas = 2;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.see(HookEnded{stage.find("r1-0").id, HookPoint::pre_stop, false, "exit status 1", {}});
    REQUIRE(stage.state().rollout);
    CHECK_FALSE(stage.taken_back(2).empty());
    CHECK(stage.taken_back(2) == "r1-0: pre-stop hook failed: exit status 1");
}

TEST_CASE("a replica that a rollback leaves empty is filled, though another one has two workers") {
    Stage stage = in_place(2, true);
    stage.boot();
    reload(stage);
    answers(stage, "r1-0", false);
    stage.reload(true);
    stage.see(AbortRequested{"aborted by uid 0"});
    REQUIRE(stage.in(WorkerPhase::starting) == "r1-0.1");
    stage.exits("r1-1");
    stage.ready("r1-0.1");
    answers(stage, "r1-0", true);
    REQUIRE(stage.verdict(3) == Verdict::rolled_back);
    stage.wait(1s);
    CHECK(stage.in(WorkerPhase::starting) == "r1-1.1");
    stage.ready("r1-1.1");
    CHECK(stage.find("r1-0.1").phase == WorkerPhase::stopping);
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1.1");
}

TEST_CASE("a worker that could not reload itself is told again when its paused rollout goes on") {
    Stage stage = in_place(2);
    stage.spec.rollout.on_failure = OnFailure::pause;
    stage.boot();
    reload(stage);
    answers(stage, "r1-0", false);
    REQUIRE(stage.state().rollout->paused_at);
    CHECK(reloading(stage).empty());
    stage.see(ResumeRequested{});
    CHECK(stage.state().rollout->last_output.empty());
    CHECK(reloading(stage) == "r1-0");
    answers(stage, "r1-0", true);
    CHECK(stage.find("r1-0").stale.empty());
    answers(stage, "r1-1", true);
    CHECK(stage.verdict(2) == Verdict::complete);
    CHECK(stage.count<LaunchWorker>() == 0);
}

TEST_CASE("the hook of a worker that an earlier rollout retired is not this one's failure") {
    Stage stage;
    stage.spec.stop.post_stop = HookSpec{ExecHook{{"/bin/true"}}, 10s, HookFailure::fail};
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    stage.wait(1s);
    stage.see(AbortRequested{"aborted"}); // r2-0 goes, and its post-stop hook is still to run
    stage.ready("r1-0.1");
    stage.wait(1s);
    REQUIRE(stage.verdict(2) == Verdict::rolled_back);
    stage.reload();
    stage.exits("r2-0", 0);
    stage.see(HookEnded{stage.find("r2-0").id, HookPoint::post_stop, false, "exit status 1", {}});
    REQUIRE(stage.state().rollout);
    CHECK(stage.state().rollout->phase == RolloutPhase::progressing);
    CHECK(stage.state().rollout->failure.empty());
}
