// What a new supervisor makes of the state that an earlier one left.
#include "rollout/recover.h"
#include "stage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

using namespace svc;
using namespace svc::rollout;

namespace {

/// A stage whose supervisor ended, and what the next one made of what it left.
struct Next {
    State state;
    Recovery recovery;
    std::vector<Event> events;

    const Worker& worker(const std::string& name) const {
        for (const auto& [id, worker] : state.workers)
            if (worker.name == name)
                return worker;
        fatal("no worker " + name);
    }
    bool knows(const std::string& name) const {
        return std::any_of(state.workers.begin(), state.workers.end(),
                           [&](const auto& entry) { return entry.second.name == name; });
    }
    template <class Kind>
    bool resumes() const {
        return recovery.actions.size() == 1 &&
               std::holds_alternative<Kind>(recovery.actions.front());
    }
};

/// `running`: the names of the workers that still run.
Next next(const State& left, Instant now, const std::vector<std::string>& running) {
    Next made{.state = left, .recovery = {}, .events = {}};
    Survivors survivors;
    for (const std::string& name : running)
        survivors.running.insert(made.worker(name).id);
    made.recovery = recover(made.state, survivors, now, made.events);
    return made;
}

/// It goes on from there.
std::unique_ptr<Stage> go_on(const Next& next, Instant now) {
    auto stage = std::make_unique<Stage>(next.state, now);
    stage->supervisor.resume(next.recovery.actions);
    stage->step();
    return stage;
}

HookSpec hook(HookFailure on_failure = HookFailure::fail) {
    return HookSpec{ExecHook{{"/bin/true"}}, 10s, on_failure};
}

/// The state of a stage whose worker "r1-0" is in `phase`.
State with_phase(const Stage& stage, WorkerPhase phase) {
    State state = stage.state();
    state.workers.begin()->second.phase = phase;
    return state;
}

} // namespace

TEST_CASE("a worker that had no GO is launched anew, and that is nobody's failure") {
    for (const WorkerPhase phase :
         {WorkerPhase::preparing, WorkerPhase::spawning, WorkerPhase::spawned,
          WorkerPhase::recording, WorkerPhase::recorded, WorkerPhase::executing}) {
        Stage stage(RolloutSpec{.replicas = 1});
        stage.reload();
        const Next recovered = next(with_phase(stage, phase), stage.now, {});
        CHECK_FALSE(recovered.knows("r1-0"));
        CHECK(recovered.recovery.actions.empty());
        const auto after = go_on(recovered, stage.now);
        CHECK(after->in(WorkerPhase::starting) == "r1-0.1");
        CHECK(after->state().replica_list[0].failures == 0);
        after->ready("r1-0.1");
        CHECK(after->verdict(1) == Verdict::complete);
    }
}

TEST_CASE("a worker whose GO was sent and that runs has executed") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.reload();
    const Next recovered = next(with_phase(stage, WorkerPhase::executing), stage.now, {"r1-0"});
    CHECK(recovered.worker("r1-0").phase == WorkerPhase::starting);
    CHECK(recovered.worker("r1-0").executed_at == stage.now);
}

TEST_CASE("a launch that was called off and executed all the same is told to stop") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.answers_launches = false;
    stage.reload();
    State left = stage.state();
    Worker& worker = std::prev(left.workers.end())->second;
    worker.phase = WorkerPhase::executing;
    worker.retirement = Retirement::taken_back;
    worker.drain_began = worker.stop_deadline = stage.now;
    const auto after = go_on(next(left, stage.now, {"r1-0", "r2-0"}), stage.now);
    CHECK(after->in(WorkerPhase::stopping) == "r2-0");
    CHECK(after->count<SignalWorker>() == 1);
    CHECK(after->count<KillWorker>() == 0);
}

TEST_CASE("a worker that ended meanwhile is judged as any that ends") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.reload();
    const Next recovered = next(stage.state(), stage.now, {"r1-0"});
    CHECK(recovered.worker("r2-0").phase == WorkerPhase::exited);
    CHECK(recovered.worker("r2-0").exit->kind == ExitStatus::Kind::unknown);
    const auto after = go_on(recovered, stage.now);
    CHECK(after->verdict(2) == Verdict::rolled_back);
    CHECK(find_outcome(after->state(), 2)->reason ==
          "r2-0: ended while no supervisor ran, exit status unknown before it was ready");
    CHECK(after->in(WorkerPhase::available) == "r1-0");
}

TEST_CASE("a worker that ended while it was to stop is forgotten without a word") {
    for (const WorkerPhase phase :
         {WorkerPhase::draining, WorkerPhase::stopping, WorkerPhase::killing}) {
        Stage stage(RolloutSpec{.replicas = 1});
        stage.boot();
        stage.reload();
        stage.ready("r2-0");
        REQUIRE(stage.in(WorkerPhase::stopping) == "r1-0");
        const auto after = go_on(next(with_phase(stage, phase), stage.now, {"r2-0"}), stage.now);
        CHECK_FALSE(after->exists("r1-0"));
        CHECK(after->state().replica_list[0].restarts == 0);
        CHECK(after->count<LaunchWorker>() == 0);
    }
}

TEST_CASE("what was looked for is looked for again, with its whole time") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.ready.on = ReadyOn::probe;
    stage.spec.ready.probe = ProbeSpec{HttpProbe{"/healthz", "health"}};
    stage.spec.ready.timeout = 5s;
    stage.reload();
    const Instant later = stage.now + 60s;
    const auto after = go_on(next(stage.state(), later, {"r1-0"}), later);
    REQUIRE(after->count<WatchWorker>() == 1);
    CHECK(after->in(WorkerPhase::starting) == "r1-0");
    after->wait(4s);
    CHECK(after->in(WorkerPhase::starting) == "r1-0");
    after->wait(2s);
    CHECK(after->verdict(1) == Verdict::failed);
}

TEST_CASE("a READY=1 that waited counts, and the time to say it goes on") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.ready.timeout = 5s;
    stage.reload();
    const Instant later = stage.now + 60s;
    const Next recovered = next(stage.state(), later, {"r1-0"});
    SUBCASE("it said so") {
        Stage after(recovered.state, later);
        after.ready("r1-0");
        CHECK(after.verdict(1) == Verdict::complete);
    }
    SUBCASE("it did not") {
        CHECK(go_on(recovered, later)->verdict(1) == Verdict::failed);
    }
}

TEST_CASE("the liveness of one that serves is watched again") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.live.watchdog = 10s;
    stage.boot();
    const auto after = go_on(next(stage.state(), stage.now, {"r1-0"}), stage.now);
    REQUIRE(after->count<WatchWorker>() == 1);
    CHECK(std::get<WatchWorker>(after->actions.front()).kind == ProbeKind::live);
}

TEST_CASE("a post-ready hook runs again") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.ready.post_ready = hook();
    stage.reload();
    stage.ready("r1-0");
    REQUIRE(stage.count<RunPostReady>() == 1);
    const auto after = go_on(next(stage.state(), stage.now, {"r1-0"}), stage.now);
    CHECK(after->count<RunPostReady>() == 1);
    CHECK(after->in(WorkerPhase::ready) == "r1-0");
}

TEST_CASE("a pre-stop hook runs again, with a whole grace period") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.stop.pre_stop = hook();
    stage.spec.stop.grace = 10s;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    REQUIRE(stage.in(WorkerPhase::draining) == "r1-0");
    const Instant later = stage.now + 60s;
    const Next recovered = next(stage.state(), later, {"r1-0", "r2-0"});
    CHECK(recovered.resumes<RunPreStop>());
    const auto after = go_on(recovered, later);
    CHECK(after->in(WorkerPhase::draining) == "r1-0");
    CHECK(after->count<SignalWorker>() == 0);
    after->see(HookEnded{after->find("r1-0").id, HookPoint::pre_stop, true, "", {}});
    CHECK(after->in(WorkerPhase::stopping) == "r1-0");
    CHECK(after->find("r1-0").stop_deadline == later + 10s);
}

TEST_CASE("a stop signal is sent again only where it is not known to have been sent") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.stop.grace = 10s;
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    REQUIRE(stage.in(WorkerPhase::stopping) == "r1-0");
    const Instant later = stage.now + 60s;
    SUBCASE("not known") {
        const Next recovered = next(stage.state(), later, {"r1-0", "r2-0"});
        CHECK(recovered.resumes<SignalWorker>());
        const auto after = go_on(recovered, later);
        CHECK(after->in(WorkerPhase::stopping) == "r1-0");
        CHECK(after->find("r1-0").stop_deadline == later + 10s);
    }
    SUBCASE("known: its grace went on") {
        stage.see(SignalSent{stage.find("r1-0").id});
        const Next recovered = next(stage.state(), later, {"r1-0", "r2-0"});
        CHECK(recovered.recovery.actions.empty());
        CHECK(go_on(recovered, later)->in(WorkerPhase::killing) == "r1-0");
    }
}

TEST_CASE("one that was to be killed is killed again") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.see(StopRequested{.now = true, .reason = "SIGTERM", .failed = false});
    REQUIRE(stage.in(WorkerPhase::killing) == "r1-0");
    CHECK(next(stage.state(), stage.now, {"r1-0"}).resumes<KillWorker>());
}

TEST_CASE("a post-stop hook runs again") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.spec.stop.post_stop = hook();
    stage.boot();
    stage.exits("r1-0");
    REQUIRE(stage.count<RunPostStop>() == 1);
    const auto after = go_on(next(stage.state(), stage.now, {}), stage.now);
    CHECK(after->count<RunPostStop>() == 1);
    CHECK(after->exists("r1-0"));
}

TEST_CASE("one that reloads itself is told again, and nothing is assumed of it meanwhile") {
    Stage stage(RolloutSpec{.replicas = 1, .strategy = Strategy::in_place});
    stage.spec.rollout.in_place = InPlaceSpec{hook(), {}, hook()};
    stage.boot();
    Revision revision;
    revision.spec = stage.spec;
    revision.in_place = true;
    stage.see(RolloutRequested{revision});
    REQUIRE(stage.find("r1-0").becoming == 2);
    const Next recovered = next(stage.state(), stage.now, {"r1-0"});
    CHECK(recovered.resumes<ReloadWorker>());
    const auto after = go_on(recovered, stage.now);
    after->see(AbortRequested{"aborted"});
    CHECK(after->state().rollout.has_value());
    after->see(WorkerReloaded{after->find("r1-0").id, true, "", {}});
    CHECK(after->count<ReloadWorker>() == 2); // the second one back
    CHECK(std::get<ReloadWorker>(after->actions.back()).revert);
}

TEST_CASE("a rollout's hook runs again") {
    Stage stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.spec.rollout.before = hook();
    stage.reload();
    REQUIRE(stage.state().rollout->before == HookProgress::running);
    const auto after = go_on(next(stage.state(), stage.now, {"r1-0"}), stage.now);
    CHECK(after->count<RunRolloutHook>() == 1);
    CHECK(after->state().rollout->before == HookProgress::running);
}

TEST_CASE("no rollout fails for want of progress while nobody drove it") {
    Stage stage(RolloutSpec{.replicas = 1, .min_ready = 1s, .progress_deadline = 5s});
    stage.boot();
    stage.wait(2s);
    stage.reload();
    stage.ready("r2-0");
    const Instant later = stage.now + 500ms;
    SUBCASE("its clock begins anew") {
        CHECK(next(stage.state(), later, {"r1-0", "r2-0"}).state.rollout->progressed == later);
    }
    SUBCASE("but not that of one that is paused: it stands still") {
        stage.see(PauseRequested{"paused"});
        const Instant before = stage.state().rollout->progressed;
        CHECK(next(stage.state(), later, {"r1-0", "r2-0"}).state.rollout->progressed == before);
    }
}

TEST_CASE("what was asked for at the very end is asked for again") {
    SUBCASE("the fallback") {
        Stage stage(RolloutSpec{.replicas = 1}, Fallback::left);
        stage.reload();
        stage.exits("r1-0");
        REQUIRE(stage.state().fallback == Fallback::asked);
        CHECK(go_on(next(stage.state(), stage.now, {}), stage.now)->count<FallBack>() == 1);
    }
    SUBCASE("the end, with its exit status") {
        Stage stage(RolloutSpec{.replicas = 1});
        stage.reload();
        stage.exits("r1-0");
        REQUIRE(stage.state().wanted == Wanted::ended);
        const auto after = go_on(next(stage.state(), stage.now, {}), stage.now);
        REQUIRE(after->count<Finish>() == 1);
        CHECK(std::get<Finish>(after->actions.back()).exit_status == 1);
    }
}

TEST_CASE("two recoveries in a row come to what one does") {
    Stage stage(RolloutSpec{.replicas = 3});
    stage.spec.stop.pre_stop = hook();
    stage.boot();
    stage.reload();
    stage.ready("r2-0");
    const Next once = next(stage.state(), stage.now, {"r1-0", "r1-1", "r2-0"});
    const Next twice = next(once.state, stage.now, {"r1-0", "r1-1", "r2-0"});
    CHECK(once.state == twice.state);
    CHECK(once.recovery.actions.size() == twice.recovery.actions.size());
    CHECK_FALSE(once.events.empty());
    CHECK(twice.events.empty());
}
