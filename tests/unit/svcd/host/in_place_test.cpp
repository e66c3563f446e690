// Workers that reload themselves.
#include "house.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fstream>

using namespace svc;
using namespace svc::daemon::test;
using namespace svc::rollout;
using std::chrono::milliseconds;
using svc::test::in_time;

namespace {

/// Revisions 6 and 7; a worker of 6 that waits for SIGHUP; a rollout from 6 to 7.
struct Stage {
    House house;
    WorkerId worker = 0;

    Stage(std::vector<std::string> after_signal, const InPlaceSpec& in_place,
          Duration patience = svc::test::patience) {
        std::vector<std::string> words{"wait-hup"};
        words.insert(words.end(), after_signal.begin(), after_signal.end());
        house.revision(6, words).spec.ready.timeout = patience;
        house.revision(7, words).spec.ready.timeout = patience;
        house.state.revisions[7].spec.rollout.in_place = in_place;
        house.state.rollout.emplace();
        house.state.rollout->from = 6;
        house.state.rollout->to = 7;
        worker = house.launch(6);
        REQUIRE(house.await_status("waiting"));
    }
    void reload() { house.perform(ReloadWorker{worker, 7, false}); }
    void revert() {
        house.state.workers.at(worker).revision = 7; // as policy counts it after the reload
        house.perform(ReloadWorker{worker, 6, true});
    }
    std::optional<WorkerReloaded> answer() { return house.await<WorkerReloaded>(); }
    bool quiet_for(Duration time) {
        const auto seen = house.count<WorkerReloaded>();
        house.run_for(time);
        return house.count<WorkerReloaded>() == seen;
    }
};

InPlaceSpec by_signal() {
    InPlaceSpec spec;
    spec.reload = once(SignalHook{SIGHUP});
    return spec;
}

} // namespace

TEST_CASE("a signal, RELOADING=1 and then READY=1 make a worker the new revision's") {
    InPlaceSpec spec = by_signal();
    SUBCASE("with the time at which it was said") {}
    SUBCASE("told by a command, which may wait for it") {
        spec.reload = once(ExecHook{{"sh", "-c",
                                     "kill -HUP $SVC_WORKER_PID; sleep 0.3; "
                                     "test $SVC_OLD_REVISION$SVC_REVISION = 67"}});
    }
    Stage stage({"reloading", "sleep:50", "notify:READY=1", "wait"}, spec);
    const std::string out = stage.house.directory.path() + "/out";
    stage.house.state.revisions[7].spec.stop.pre_stop =
        once(ExecHook{{"sh", "-c", "echo $SVC_REVISION > " + out}});
    stage.reload();
    const auto answer = stage.answer();
    REQUIRE(answer);
    CHECK(answer->detail == "");
    CHECK(answer->succeeded);
    // From now on the new revision's hooks are its hooks.
    stage.house.perform(RetireWorker{stage.worker, Retirement::replaced, "", true});
    REQUIRE(stage.house.await<HookEnded>());
    std::string line;
    std::getline(std::ifstream(out), line);
    CHECK(line == "7");
    CHECK(stage.house.count<WorkerReloaded>() == 1);
}

TEST_CASE("READY=1 alone, or after an older RELOADING=1, confirms nothing") {
    std::vector<std::string> words;
    std::string expected = "it did not say RELOADING=1 and then READY=1 within ";
    SUBCASE("alone") {
        words = {"notify:READY=1", "wait"};
    }
    SUBCASE("with the time of an earlier reload") {
        words = {"notify:RELOADING=1\nMONOTONIC_USEC=1", "notify:READY=1", "wait"};
    }
    SUBCASE("RELOADING=1 alone") {
        words = {"reloading", "wait"};
        expected = "it said RELOADING=1, but not READY=1 within ";
    }
    std::string said;
    const auto it_says_so = [&](Duration deadline) {
        Stage stage(words, by_signal(), deadline);
        stage.reload();
        const auto answer = stage.answer();
        REQUIRE(answer);
        CHECK_FALSE(answer->succeeded);
        CHECK(stage.quiet_for(milliseconds(100)));
        said = answer->detail;
        return said == expected + format_duration(deadline);
    };
    CHECK(in_time(it_says_so));
    CAPTURE(said);
    CHECK(said.starts_with(expected));
}

TEST_CASE("verify decides where there is one, and is tried again until it succeeds") {
    InPlaceSpec spec = by_signal();
    House other; // for its directory
    const std::string mark = other.directory.path() + "/tried";
    spec.verify =
        once(ExecHook{{"sh", "-c", "test -e $0 || { echo not yet; touch $0; exit 1; }", mark}});
    Stage stage({"wait"}, spec);
    stage.reload();
    const auto answer = stage.answer();
    REQUIRE(answer);
    CHECK(answer->succeeded);
    CHECK(std::filesystem::exists(mark));
}

TEST_CASE("a verification that never succeeds is told with its last reason") {
    InPlaceSpec spec = by_signal();
    spec.verify = once(ExecHook{{"sh", "-c", "echo old config; exit 1"}});
    std::string said;
    const auto it_is_told = [&](Duration deadline) {
        Stage stage({"reloading", "notify:READY=1", "wait"}, spec, deadline);
        stage.reload();
        const auto answer = stage.answer();
        REQUIRE(answer);
        CHECK_FALSE(answer->succeeded);
        said = answer->detail;
        return said == "it was not verified within " + format_duration(deadline) +
                           ": exit status 1 (old config)" &&
               answer->last_output == std::vector<std::string>{"old config"};
    };
    CHECK(in_time(it_is_told));
    CAPTURE(said);
    CHECK(said.starts_with("it was not verified"));
}

TEST_CASE("a reload command that fails is a failed reload, and is reverted by revert") {
    InPlaceSpec spec;
    spec.reload = once(ExecHook{{"sh", "-c", "echo bad syntax; exit 1"}});
    spec.revert = once(SignalHook{SIGHUP});
    Stage stage({"reloading", "notify:READY=1", "wait"}, spec);
    stage.reload();
    const auto failed = stage.answer();
    REQUIRE(failed);
    CHECK_FALSE(failed->succeeded);
    CHECK(failed->detail == "it could not be told: exit status 1 (bad syntax)");
    stage.house.seen.clear();
    stage.revert();
    const auto back = stage.answer();
    REQUIRE(back);
    CHECK(back->succeeded);
}

TEST_CASE("a worker that is retired or dies while it reloads gives no answer") {
    Stage stage({"exit:3"}, by_signal());
    SUBCASE("retired") {
        stage.house.state.revisions[7].spec.rollout.in_place->reload =
            once(SleepHook{milliseconds(50)});
        stage.reload();
        stage.house.perform(RetireWorker{stage.worker, Retirement::stopped, "", false});
        CHECK(stage.quiet_for(milliseconds(200)));
    }
    SUBCASE("dead") {
        const std::string out = stage.house.directory.path() + "/out";
        stage.house.state.revisions[7].spec.stop.post_stop =
            once(ExecHook{{"sh", "-c", "echo $SVC_REVISION > " + out}});
        stage.reload();
        REQUIRE(stage.house.await<WorkerExited>());
        CHECK(stage.quiet_for(milliseconds(50)));
        CHECK(stage.house.count<WorkerReloaded>() == 0);
        // It died as the new revision's.
        stage.house.perform(RunPostStop{stage.worker});
        REQUIRE(stage.house.await<HookEnded>());
        std::string line;
        std::getline(std::ifstream(out), line);
        CHECK(line == "7");
    }
}

TEST_CASE("after its reload a worker is probed as the new revision has it") {
    Stage stage({"reloading", "notify:READY=1", "wait"}, by_signal());
    auto& live = stage.house.state.revisions[7].spec.live.probe.emplace();
    live.what = ExecHook{{"sh", "-c", "echo new probe; exit 1"}};
    live.interval = milliseconds(10);
    stage.house.perform(WatchWorker{stage.worker, ProbeKind::live}); // 6 has none
    stage.reload();
    const auto report = stage.house.await<ProbeReported>();
    REQUIRE(report);
    CHECK(stage.house.find<WorkerReloaded>() != nullptr);
    CHECK(report->detail.find("new probe") != std::string::npos);
}
