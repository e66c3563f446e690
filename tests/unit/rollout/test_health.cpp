// Probes, hooks of workers, workers that are too old.
#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

HookSpec hook(HookFailure on_failure = HookFailure::fail) {
    return HookSpec{ExecHook{{"/bin/true"}}, 10s, on_failure};
}

ProbeSpec probe() {
    return ProbeSpec{HttpProbe{"/healthz", "health"}};
}

void reports(Stage& stage, const std::string& worker, ProbeKind kind, ProbeVerdict verdict,
             const std::string& detail = "Connection refused") {
    stage.see(ProbeReported{stage.find(worker).id, kind, verdict, detail});
}

void hook_ends(Stage& stage, const std::string& worker, HookPoint point, bool succeeded) {
    stage.see(HookEnded{stage.find(worker).id, point, succeeded, "exit status 1", {"no disk"}});
}

Stage staged(std::uint32_t replicas) {
    RolloutSpec rollout;
    rollout.replicas = replicas;
    return Stage(rollout);
}

} // namespace

TEST_CASE("a pre-start hook comes before the launch, and its failure is the launch's") {
    Stage stage = staged(1);
    stage.boot();
    stage.spec.process.pre_start = hook();
    stage.reload();
    CHECK(stage.in(WorkerPhase::preparing) == "r2-0");
    CHECK(stage.count<SpawnWorker>() == 0);
    hook_ends(stage, "r2-0", HookPoint::pre_start, false);
    CHECK(stage.verdict(2) == Verdict::rolled_back);
    CHECK(find_outcome(stage.state(), 2)->reason == "r2-0: pre-start hook failed: exit status 1");
    CHECK(find_outcome(stage.state(), 2)->last_output == std::vector<std::string>{"no disk"});
    stage.reload();
    hook_ends(stage, "r3-0", HookPoint::pre_start, true);
    CHECK(stage.count<SpawnWorker>() == 1);
}

TEST_CASE("the time to become ready begins after the pre-start hook") {
    Stage stage = staged(1);
    stage.spec.process.pre_start = hook(HookFailure::ignore);
    stage.spec.ready.timeout = 5s;
    stage.reload();
    stage.wait(9s);
    CHECK(stage.in(WorkerPhase::preparing) == "r1-0");
    hook_ends(stage, "r1-0", HookPoint::pre_start, false);
    stage.see(WorkerSpawned{stage.find("r1-0").id, 100});
    stage.see(WorkerRecorded{stage.find("r1-0").id});
    stage.see(WorkerExecuted{stage.find("r1-0").id});
    stage.wait(4s);
    CHECK(stage.in(WorkerPhase::starting) == "r1-0");
    stage.wait(2s);
    CHECK(stage.verdict(1) == Verdict::failed);
}

TEST_CASE("a worker whose launch is called off while it prepares is killed without having run") {
    Stage stage = staged(1);
    stage.boot();
    stage.spec.process.pre_start = hook();
    stage.reload();
    stage.see(AbortRequested{"aborted"});
    CHECK(stage.count<KillWorker>() == 1);
    stage.see(LaunchFailed{stage.find("r2-0").id, 0, "pre_start", "was called off"});
    CHECK_FALSE(stage.exists("r2-0"));
    CHECK(stage.verdict(2) == Verdict::rolled_back);
}

TEST_CASE("a worker is available only after its post-ready hook") {
    Stage stage = staged(1);
    stage.spec.ready.post_ready = hook();
    stage.spec.rollout.min_ready = 2s;
    stage.reload();
    stage.ready("r1-0");
    CHECK(stage.count<RunPostReady>() == 1);
    stage.wait(5s);
    CHECK(stage.in(WorkerPhase::ready) == "r1-0");
    hook_ends(stage, "r1-0", HookPoint::post_ready, true);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("a post-ready hook that fails takes the new version back") {
    Stage stage = staged(1);
    stage.boot();
    stage.spec.ready.post_ready = hook();
    stage.reload();
    stage.ready("r2-0");
    hook_ends(stage, "r2-0", HookPoint::post_ready, false);
    CHECK_FALSE(stage.taken_back(2).empty());
    CHECK(stage.taken_back(2) == "r2-0: post-ready hook failed: exit status 1");
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("nothing makes a worker ready before its startup probe passed") {
    Stage stage = staged(1);
    stage.spec.ready.startup = probe();
    stage.reload();
    CHECK(stage.find("r1-0").watched == ProbeKind::startup);
    stage.ready("r1-0");
    CHECK(stage.in(WorkerPhase::starting) == "r1-0");
    reports(stage, "r1-0", ProbeKind::startup, ProbeVerdict::passed);
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("a readiness probe makes ready, and what it last said is in the reason of a late start") {
    Stage stage = staged(1);
    stage.boot();
    stage.spec.ready.on = ReadyOn::probe;
    stage.spec.ready.probe = probe();
    stage.spec.ready.timeout = 3s;
    stage.reload();
    CHECK(stage.find("r2-0").watched == ProbeKind::ready);
    stage.ready("r2-0"); // READY=1 means nothing here
    CHECK(stage.in(WorkerPhase::starting) == "r2-0");
    reports(stage, "r2-0", ProbeKind::ready, ProbeVerdict::failing);
    stage.wait(3s);
    CHECK(stage.taken_back(2) ==
          "r2-0: was not ready within 3s; its probe says: Connection refused");
    stage.reload(true);
    reports(stage, "r3-0", ProbeKind::ready, ProbeVerdict::passed);
    CHECK(stage.verdict(3) == Verdict::complete);
}

TEST_CASE("a readiness probe that reached its threshold fails the version at once") {
    Stage stage = staged(1);
    stage.boot();
    stage.spec.ready.on = ReadyOn::probe;
    stage.spec.ready.probe = probe();
    stage.reload();
    reports(stage, "r2-0", ProbeKind::ready, ProbeVerdict::failed);
    CHECK(stage.taken_back(2) == "r2-0: readiness probe failed: Connection refused");
}

TEST_CASE("a worker that is not alive is drained, replaced, and counts as a failure") {
    Stage stage = staged(2);
    stage.spec.live.watchdog = 10s;
    stage.spec.restart.backoff_min = 1s;
    stage.boot();
    CHECK(stage.find("r1-0").watched == ProbeKind::live);
    reports(stage, "r1-0", ProbeKind::live, ProbeVerdict::failed, "no WATCHDOG=1 for 10s");
    CHECK(stage.find("r1-0").retirement == Retirement::failed);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.state().replica_list[0].failures == 1);
    CHECK_FALSE(stage.exists("r1-0.1"));
    stage.wait(1s); // the backoff; it is not the death that makes room
    CHECK(stage.exists("r1-0.1"));
    const auto next_start = stage.state().replica_list[0].next_start;
    stage.wait(1s);
    stage.exits("r1-0", 0);
    CHECK(stage.state().replica_list[0].failures == 1);
    CHECK(stage.state().replica_list[0].next_start == next_start);
}

TEST_CASE("a worker that is not alive gets no successor where the policy is never") {
    Stage stage = staged(2);
    stage.spec.live.watchdog = 10s;
    stage.spec.restart.policy = RestartPolicy::never;
    stage.boot();
    reports(stage, "r1-0", ProbeKind::live, ProbeVerdict::failed, "no WATCHDOG=1 for 10s");
    CHECK(stage.state().replica_list[0].held_down);
    stage.wait(1h);
    CHECK_FALSE(stage.exists("r1-0.1"));
}

TEST_CASE("a probe that fails everywhere costs one worker at a time") {
    Stage stage = staged(3);
    stage.spec.live.probe = probe();
    stage.boot();
    for (const char* name : {"r1-0", "r1-1", "r1-2"})
        reports(stage, name, ProbeKind::live, ProbeVerdict::failed);
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK(stage.in(WorkerPhase::available) == "r1-1 r1-2");
    // One of them comes back by itself, and stays.
    reports(stage, "r1-1", ProbeKind::live, ProbeVerdict::passed);
    stage.wait(1s); // the backoff
    stage.ready("r1-0.1");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0 r1-2");
    CHECK(stage.in(WorkerPhase::available) == "r1-1 r1-0.1");
}

TEST_CASE("liveness that fails within min_ready fails the version") {
    Stage stage = staged(1);
    stage.boot();
    stage.spec.rollout.min_ready = 5s;
    stage.spec.live.probe = probe();
    stage.reload();
    stage.ready("r2-0");
    reports(stage, "r2-0", ProbeKind::live, ProbeVerdict::failed);
    CHECK_FALSE(stage.taken_back(2).empty());
    CHECK(stage.in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("reports about what is not watched, or of a worker on its way out, change nothing") {
    Stage stage = staged(1);
    stage.spec.live.probe = probe();
    stage.boot();
    const State before = stage.state();
    reports(stage, "r1-0", ProbeKind::ready, ProbeVerdict::failed);
    reports(stage, "r1-0", ProbeKind::startup, ProbeVerdict::passed);
    CHECK(stage.state() == before);
    stage.see(StopRequested{false, "SIGTERM"});
    const State stopping = stage.state();
    reports(stage, "r1-0", ProbeKind::live, ProbeVerdict::failed);
    CHECK(stage.state() == stopping);
}

TEST_CASE("workers of one age are recycled one after the other, each with its successor first") {
    Stage stage = staged(2);
    stage.spec.recycle.max_age = 10h;
    stage.spec.ready.timeout = 3h;
    stage.boot();
    stage.wait(8h + 59min);
    CHECK(stage.count<RecycleWorker>() == 0);
    stage.wait(1min);
    CHECK(stage.find("r1-0").stale == "it reached max_age (10h)");
    CHECK(stage.in(WorkerPhase::available) == "r1-0 r1-1");
    stage.wait(2h); // the other one is due, too, but waits for its turn
    CHECK(stage.count<RecycleWorker>() == 1);
    stage.ready("r1-0.1");
    CHECK(stage.in(WorkerPhase::stopping) == "r1-0");
    CHECK_FALSE(stage.find("r1-1").stale.empty());
}

TEST_CASE("a worker that grew too large is recycled, and not while a rollout replaces it anyway") {
    Stage stage = staged(1);
    stage.spec.recycle.max_memory = 1u << 30;
    stage.boot();
    stage.see(MemoryExceeded{stage.find("r1-0").id, 3u << 29});
    CHECK(stage.find("r1-0").stale == "it uses 1.5 GiB, more than max_memory (1 GiB)");
    stage.ready("r1-0.1");
    stage.exits("r1-0", 0);
    stage.actions.clear();
    stage.reload();
    stage.see(MemoryExceeded{stage.find("r1-0.1").id, 3u << 29});
    CHECK(stage.count<RecycleWorker>() == 0);
}

TEST_CASE("a worker whose post-ready hook failed is never available, without min_ready either") {
    Stage stage = staged(1);
    stage.spec.ready.post_ready = hook();
    stage.spec.restart.backoff_min = 1s;
    stage.boot();
    hook_ends(stage, "r1-0", HookPoint::post_ready, true);
    stage.see(ReplaceRequested{0, "replaced by uid 0"});
    stage.events.clear();
    stage.ready("r1-0.1");
    hook_ends(stage, "r1-0.1", HookPoint::post_ready, false);
    for (const Event& event : stage.events)
        CHECK(event.kind != EventKind::worker_available);
    CHECK(stage.find("r1-0.1").retirement == Retirement::failed);
}
