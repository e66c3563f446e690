#include "wire/control.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace std::chrono_literals;

namespace {

constexpr Instant now{1000s};

Revision& add_revision(State& state, RevisionNumber number) {
    Revision& revision = state.revisions[number];
    revision.number = number;
    revision.spec.rollout.min_ready = 5s;
    return revision;
}

Worker& add_worker(State& state, RevisionNumber revision, std::uint32_t replica,
                   WorkerPhase phase) {
    Worker& worker = state.workers[state.next_worker];
    worker.id = state.next_worker++;
    worker.revision = revision;
    worker.replica = replica;
    worker.phase = phase;
    worker.pid = static_cast<Pid>(4000 + worker.id);
    worker.name = name_of(revision, replica, 0);
    worker.launched_at = now - 90s;
    if (phase >= WorkerPhase::draining)
        worker.retirement = Retirement::replaced;
    return worker;
}

State serving(std::uint32_t replicas) {
    State state;
    state.service = "web";
    state.current = 6;
    state.replicas = replicas;
    add_revision(state, 6).cause = {CauseKind::apply, "the executable changed", 0};
    for (std::uint32_t replica = 0; replica < replicas; ++replica) {
        add_worker(state, 6, replica, WorkerPhase::available);
        state.replica_list.push_back({.index = replica});
    }
    return state;
}

State rolling() {
    State state = serving(2);
    add_revision(state, 7);
    state.rollout = Rollout{.from = 6, .to = 7};
    add_worker(state, 7, 0, WorkerPhase::starting).start_deadline = now + 57'200ms;
    return state;
}

std::string summary(const State& state) {
    return status_of(state, now).summary;
}

std::string wait_of_last(const State& state) {
    const auto status = status_of(state, now);
    const auto name = state.workers.rbegin()->second.name;
    for (const auto& worker : status.workers)
        if (worker.name == name)
            return worker.waits_for;
    return "not shown";
}

} // namespace

TEST_CASE("the summary says what the service does") {
    State state;
    CHECK(summary(state) == "no revision yet");
    state = serving(4);
    CHECK(summary(state) == "revision 6, 4/4 available");
    state.workers.erase(1);
    CHECK(summary(state) == "revision 6, 3/4 available");
    state = rolling();
    CHECK(summary(state) == "rolling 6 → 7: 0/2 updated");
    add_worker(state, 7, 1, WorkerPhase::available);
    state.pending = 8;
    CHECK(summary(state) == "rolling 6 → 7: 1/2 updated, 8 waits");
    state.pending = 0;
    state.rollout->phase = RolloutPhase::rolling_back;
    CHECK(summary(state) == "rolling back 7 → 6");
    state.rollout = Rollout{.from = 0, .to = 7};
    CHECK(summary(state) == "starting revision 7: 1/2 available");
    state.wanted = Wanted::stop;
    CHECK(summary(state) == "stopping: 4 workers left");
    state.failed = true;
    CHECK(summary(state) == "failed, stopping: 4 workers left");
}

TEST_CASE("a worker says what it waits for, and how long that may last") {
    State state = rolling();
    CHECK(wait_of_last(state) == "readiness, 58s left");
    Worker& worker = state.workers.rbegin()->second;
    worker.phase = WorkerPhase::recording;
    CHECK(wait_of_last(state) == "launch");
    worker.phase = WorkerPhase::ready;
    worker.ready_at = now - 2s;
    CHECK(wait_of_last(state) == "min_ready, 3s left");
    worker.phase = WorkerPhase::available;
    CHECK(wait_of_last(state).empty());
    worker.reloading = true;
    CHECK(wait_of_last(state) == "its own reload");
    worker.phase = WorkerPhase::draining;
    worker.stop_deadline = now + 28s;
    worker.running_hook = HookPoint::pre_stop;
    CHECK(wait_of_last(state) == "pre-stop hook, 28s of grace left");
    worker.phase = WorkerPhase::stopping;
    worker.stop_deadline = now + 11'001ms;
    CHECK(wait_of_last(state) == "stop signal sent, 12s of grace left");
    worker.phase = WorkerPhase::killing;
    CHECK(wait_of_last(state) == "end after SIGKILL");
    worker.kill_failure = "Operation not permitted";
    CHECK(wait_of_last(state) == "cannot be killed: Operation not permitted; end process " +
                                     std::to_string(worker.pid) + " by hand");
    worker.phase = WorkerPhase::exited;
    worker.running_hook = HookPoint::post_stop;
    worker.stop_deadline = now - 1s;
    CHECK(wait_of_last(state) == "post-stop hook, 0s left");
    worker.phase = WorkerPhase::finished;
    CHECK(wait_of_last(state) == "not shown");
}

TEST_CASE("a worker that cannot notify waits for its start delay") {
    State state = rolling();
    Revision& revision = state.revisions[7];
    revision.spec.ready = {.on = ReadyOn::started, .delay = 4s};
    state.workers.rbegin()->second.executed_at = now - 1s;
    CHECK(wait_of_last(state) == "start delay, 3s left");
}

TEST_CASE("failures in a row are counted until a worker stayed up") {
    State state = serving(2);
    state.revisions[6].spec.restart.backoff_max = 10s;
    state.replica_list[1].failures = 3;
    state.replica_list[1].failing_revision = 6;
    state.workers.at(2).available_at = now - 9s;
    CHECK(status_of(state, now).replica_list.at(1).failures == 3);
    CHECK(status_of(state, now + 1s).replica_list.at(1).failures == 0);
    state.replica_list[1].failing_revision = 7; // a version that was taken back
    CHECK(status_of(state, now).replica_list.at(1).failures == 0);
    state.workers.erase(2);
    CHECK(status_of(state, now + 1s).replica_list.at(1).failures == 3);
}

TEST_CASE("an empty replica says when and why it is filled again") {
    State state = serving(2);
    state.workers.erase(2);
    Replica& replica = state.replica_list[1];
    replica.restarts = 3;
    replica.next_start = now + 12s;
    replica.last_exit = "exit status 1";
    auto shown = status_of(state, now).replica_list.at(1);
    CHECK(shown.restarts == 3);
    CHECK(shown.waits_for == "restart in 12s (exit status 1)");
    replica.held_down = true;
    shown = status_of(state, now).replica_list.at(1);
    CHECK(shown.waits_for.starts_with("held down, the restart policy says so (exit status 1)"));
    add_worker(state, 6, 1, WorkerPhase::starting);
    CHECK(status_of(state, now).replica_list.at(1).waits_for.empty());
    state.replicas = 1;
    CHECK(status_of(state, now).replica_list.size() == 1);
}

TEST_CASE("workers are listed by replica, the older first") {
    const auto status = status_of(rolling(), now);
    REQUIRE(status.workers.size() == 3);
    CHECK(status.workers[0].name == "r6-0");
    CHECK(status.workers[1].name == "r7-0");
    CHECK(status.workers[2].name == "r6-1");
    CHECK(status.workers[1].state == "starting");
    CHECK(status.workers[1].age_us == 90'000'000);
    CHECK(status.available == 2);
    CHECK(status.cause == "apply: the executable changed");
    CHECK(status.revision == 6);
}

TEST_CASE("a cause is shown with its kind, once") {
    State state = serving(1);
    state.revisions[6].cause = {CauseKind::boot, "boot", 0};
    CHECK(status_of(state, now).cause == "boot");
    state.revisions[6].cause = {CauseKind::reload, "", 0};
    CHECK(status_of(state, now).cause == "reload");
}

TEST_CASE("the rollout shown is the running one, else the last that ended") {
    State state = serving(1);
    CHECK(status_of(state, now).rollout.empty());
    state.outcomes.push_back(
        {.revision = 7, .verdict = Verdict::rolled_back, .reason = "r7-0: exit status 1"});
    const auto ended = status_of(state, now).rollout.at(0);
    CHECK(ended.phase == "rolled back");
    CHECK(ended.to == 7);
    CHECK(ended.reason == "r7-0: exit status 1");
    state.rollout = Rollout{.from = 6, .to = 8};
    const auto running = status_of(state, now).rollout.at(0);
    CHECK(running.phase == "progressing");
    CHECK(running.from == 6);
    CHECK(running.to == 8);
}

TEST_CASE("workers are counted by state, those that serve first") {
    State state = rolling();
    CHECK(count_workers(state) == "2 available, 1 starting");
    state.workers[1].phase = WorkerPhase::stopping;
    add_worker(state, 7, 1, WorkerPhase::finished);
    CHECK(count_workers(state) == "1 available, 1 starting, 1 stopping");
    CHECK(count_workers(State{}).empty());
}

TEST_CASE("an event reads as a sentence that stands alone") {
    const auto told = [](EventKind kind, std::string worker, std::string text) {
        return sentence_of({.kind = kind,
                            .revision = 3,
                            .worker_name = std::move(worker),
                            .text = std::move(text)});
    };
    CHECK(told(EventKind::worker_ready, "r7-0", "is ready") == "r7-0 is ready");
    CHECK(told(EventKind::worker_exited, "r7-0", "exit status 1") == "r7-0: exit status 1");
    CHECK(told(EventKind::worker_exited, "r7-0", "r7-0: gone") == "r7-0: gone");
    CHECK(told(EventKind::worker_retired, "r7-0", "replaced by revision 8") ==
          "r7-0 is retired: replaced by revision 8");
    CHECK(told(EventKind::worker_killed, "r7-0", "did not end") == "r7-0 is killed: did not end");
    CHECK(told(EventKind::rollout_requested, "", "") == "revision 3 requested");
    CHECK(told(EventKind::rollout_requested, "", "apply: x") == "revision 3 requested: apply: x");
    CHECK(told(EventKind::scaled, "", "from 2 to 3 replicas") == "scaled from 2 to 3 replicas");
    CHECK(told(EventKind::stopping, "", "SIGTERM") == "the supervisor stops: SIGTERM");
    CHECK(told(EventKind::listener, "", "listener http: closed") == "listener http: closed");
}

TEST_CASE("a rollout in steps says where it is and what it waits for") {
    State state = serving(10);
    Revision& revision = add_revision(state, 7);
    revision.spec.rollout.strategy = Strategy::canary;
    revision.spec.rollout.stages = {{Share{10, true}, 5min}, {Share{4, false}, std::nullopt}};
    state.rollout = Rollout{.from = 6, .to = 7};
    const auto step = [&] { return status_of(state, now).rollout.at(0).step; };
    CHECK(step() == "canary: step 1 of 2, 0 of 10 workers new, fills up to 1");
    CHECK(summary(state) == "canary 6 → 7: 0/10 updated");
    add_worker(state, 7, 0, WorkerPhase::available);
    state.rollout->stage_reached = now - 50s;
    CHECK(step() == "canary: step 1 of 2, 1 of 10 workers new, goes on in 4m10s");
    CHECK(summary(state) == "canary 6 → 7: 1/10 updated, held");
    state.rollout->analysis = HookProgress::running;
    CHECK(step() == "canary: step 1 of 2, 1 of 10 workers new, analysis runs");
    CHECK(summary(state) == "canary 6 → 7: 1/10 updated, analysis runs");
    state.rollout->analysis = HookProgress::due;
    state.rollout->stage = 1;
    CHECK(step() == "canary: step 2 of 2, 1 of 10 workers new, waits for svc promote");
    CHECK(summary(state) == "canary 6 → 7: 1/10 updated, waits for svc promote");
    state.rollout->stage = 2;
    CHECK(step().empty());
}

TEST_CASE("a hook of the rollout says how long it may take, a sleep how long it takes") {
    State state = serving(1);
    Revision& revision = add_revision(state, 7);
    revision.spec.rollout.before = HookSpec{.what = ExecHook{{"/bin/migrate"}}, .timeout = 60s};
    revision.spec.rollout.after = HookSpec{.what = SleepHook{10s}, .timeout = 60s};
    state.rollout = Rollout{.from = 6, .to = 7};
    state.rollout->before = HookProgress::running;
    const auto made = [&] {
        Progress progress;
        put_wait_of_stage(state, now, progress);
        return progress;
    };
    CHECK(made().waits_for == "the hook before the rollout");
    CHECK(made().length_us == 0); // an earlier supervisor did not say when it began
    state.rollout->hook_began = now - 20s;
    CHECK(made().length_us == 60'000'000);
    CHECK(made().left_us == 40'000'000);
    state.rollout->before = HookProgress::passed;
    state.rollout->after = HookProgress::running;
    state.rollout->hook_began = now - 20s;
    CHECK(made().waits_for == "the hook after the rollout");
    CHECK(made().length_us == 10'000'000);
    CHECK(made().left_us == 0);
}

TEST_CASE("a second set says how much of it there is") {
    State state = serving(2);
    Revision& revision = add_revision(state, 7);
    revision.spec.rollout.strategy = Strategy::blue_green;
    revision.spec.rollout.stages = {{Share{100, true}, std::nullopt}};
    state.rollout = Rollout{.from = 6, .to = 7};
    add_worker(state, 7, 0, WorkerPhase::available);
    CHECK(status_of(state, now).rollout.at(0).step ==
          "blue-green: second set, 1 of 2 workers available, fills up to 2");
}

TEST_CASE("a pause says since when, by whom and why, and stops the clock of a hold") {
    State state = rolling();
    state.revisions.at(7).spec.rollout.strategy = Strategy::canary;
    state.revisions.at(7).spec.rollout.stages = {{Share{1, false}, 5min}};
    state.rollout->stage_reached = now - 3min;
    state.rollout->paused_at = now - 2min;
    state.rollout->pause_reason = "asked for by uid 1000: lunch";
    auto shown = status_of(state, now).rollout.at(0);
    CHECK(shown.phase == "paused");
    CHECK(shown.paused == "for 2m, asked for by uid 1000: lunch");
    CHECK(shown.step == "canary: step 1 of 1, 0 of 2 workers new, 4m of its hold left");
    CHECK(shown.failure.empty());
    CHECK(summary(state) == "canary 6 → 7: 0/2 updated, paused");
    state.rollout->failure = "r7-0: exit status 1";
    CHECK(status_of(state, now).rollout.at(0).failure == "r7-0: exit status 1");
    state.rollout->pause_reason = state.rollout->failure;
    shown = status_of(state, now).rollout.at(0);
    CHECK(shown.paused == "for 2m, r7-0: exit status 1");
    CHECK(shown.failure.empty()); // it is the reason already
}

TEST_CASE("a replica whose worker has no room under max_total says so") {
    State state = serving(2);
    state.revisions.at(6).spec.rollout.max_total = 3;
    state.workers.erase(1);
    add_worker(state, 5, 0, WorkerPhase::stopping);
    CHECK(status_of(state, now).replica_list.at(0).waits_for.empty()); // it is about to be launched
    add_worker(state, 5, 1, WorkerPhase::stopping);
    CHECK(status_of(state, now).replica_list.at(0).waits_for ==
          "room under max_total (3), 2 workers are on the way out");
    CHECK(status_of(state, now).replica_list.at(1).waits_for.empty());
    state.replica_list.at(0).next_start = now + 2s;
    state.replica_list.at(0).last_exit = "exit status 1";
    CHECK(status_of(state, now).replica_list.at(0).waits_for == "restart in 2s (exit status 1)");
}

TEST_CASE("the summary says the strategy by its name") {
    State state = rolling();
    RolloutSpec& rollout = state.revisions.at(7).spec.rollout;
    const auto named = [&](Strategy strategy) {
        rollout.strategy = strategy;
        return summary(state);
    };
    CHECK(named(Strategy::rolling) == "rolling 6 → 7: 0/2 updated");
    CHECK(named(Strategy::recreate) == "recreate 6 → 7: 0/2 updated");
    CHECK(named(Strategy::blue_green) == "blue-green 6 → 7: 0/2 updated");
    CHECK(named(Strategy::canary) == "canary 6 → 7: 0/2 updated");
    CHECK(named(Strategy::in_place) == "in-place 6 → 7: 0/2 updated");
}

TEST_CASE("a kept old set is shown, and counts for nothing") {
    State state = serving(2);
    add_revision(state, 5);
    add_worker(state, 5, 0, WorkerPhase::available);
    state.kept = 5;
    state.kept_until = now + 590s;
    const auto status = status_of(state, now);
    CHECK(status.kept == "revision 5, 1 worker, for 9m50s more");
    CHECK(status.available == 2);
    CHECK(status.summary == "revision 6, 2/2 available");
}

TEST_CASE("frozen rollouts and a worker that is to be replaced are shown") {
    State state = serving(1);
    state.frozen = "by uid 0: quarter end";
    state.workers.begin()->second.stale = "asked for by uid 0";
    const auto status = status_of(state, now);
    CHECK(status.frozen == "by uid 0: quarter end");
    CHECK(status.summary == "revision 6, 1/1 available, frozen");
    CHECK(status.workers.at(0).waits_for == "is being replaced, asked for by uid 0");
}
