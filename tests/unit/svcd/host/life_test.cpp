// The watchdog, and the look at a worker's memory.
#include "house.h"

#include "svcd/host/watching/watchdog.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon::test;
using namespace svc::rollout;
using std::chrono::milliseconds;
using std::chrono::seconds;
using svc::test::in_time;

namespace {

WorkerId alive(House& house, Duration watchdog, std::vector<std::string> words) {
    auto& revision = house.revision(7, std::move(words));
    revision.spec.live.watchdog = watchdog;
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    return id;
}

std::vector<ProbeReported> reports(const House& house) {
    std::vector<ProbeReported> result;
    for (const auto& observation : house.seen) {
        if (const auto* report = std::get_if<ProbeReported>(&observation))
            result.push_back(*report);
    }
    return result;
}

} // namespace

TEST_CASE("a worker is told of its watchdog, which counts from when its life is watched") {
    House house;
    const auto id = alive(house, milliseconds(200), {"watchdog", "barrier", "wait-term", "wait"});
    CHECK(house.statuses().at(0) == "200000 mine");
    const auto before = std::chrono::steady_clock::now();
    house.perform(WatchWorker{id, ProbeKind::live});
    const auto report = house.await<ProbeReported>();
    REQUIRE(report);
    CHECK(std::chrono::steady_clock::now() - before >= milliseconds(200));
    CHECK(report->kind == ProbeKind::live);
    CHECK(report->verdict == ProbeVerdict::failed);
    CHECK(report->detail == "no WATCHDOG=1 for 200ms");
}

TEST_CASE("WATCHDOG=1 keeps a worker alive, and brings it back") {
    // For twice as long as its period, far more often than it has to; a worker that is too slow for that gets more.
    const auto is_kept_alive = [](Duration period) {
        House house;
        const std::string pause = "sleep:" + std::to_string(period / milliseconds(10));
        std::vector<std::string> words{"wait-term"};
        for (int count = 0; count < 20; ++count)
            words.insert(words.end(), {"notify:WATCHDOG=1", pause});
        words.insert(words.end(), {"wait-term", "notify:WATCHDOG=1", "wait"});
        const auto id = alive(house, period, words);
        house.seen.clear();
        house.perform(WatchWorker{id, ProbeKind::live});
        house.perform(SignalWorker{id, SIGTERM});
        REQUIRE(house.await_status("waiting")); // again
        if (!reports(house).empty())
            return false;
        REQUIRE(house.run_until([&] { return reports(house).size() == 1; }));
        CHECK(reports(house)[0].verdict == ProbeVerdict::failed);
        house.perform(SignalWorker{id, SIGTERM});
        REQUIRE(house.run_until([&] { return reports(house).size() == 2; }));
        CHECK(reports(house)[1].verdict == ProbeVerdict::passed);
        return true;
    };
    CHECK(in_time(is_kept_alive));
}

TEST_CASE("what waits to be read when the time is over was said in time") {
    House house;
    wire::Notification waiting;
    waiting.watchdog = wire::WatchdogWord::alive;
    int looks = 0;
    int changes = 0;
    std::function<void()> read = [] {};
    daemon::Watchdog dog(house.io, {.read_all = [&] { read(); },
                                    .changed = [&](bool, const std::string&) { ++changes; }});
    read = [&] {
        if (++looks < 4)
            dog.hear(waiting);
    };
    dog.start(milliseconds(20));
    REQUIRE(house.run_until([&] { return changes != 0; }));
    CHECK(looks == 4); // three times there was a word, and then none
    CHECK(changes == 1);
}

TEST_CASE("WATCHDOG=trigger fails at once; the worker may change its period, or want none") {
    House house;
    SUBCASE("trigger") {
        const auto id = alive(house, seconds(30), {"wait-term", "notify:WATCHDOG=trigger", "wait"});
        house.perform(WatchWorker{id, ProbeKind::live});
        house.perform(SignalWorker{id, SIGTERM});
        const auto report = house.await<ProbeReported>();
        REQUIRE(report);
        CHECK(report->verdict == ProbeVerdict::failed);
        CHECK(report->detail == "WATCHDOG=trigger");
    }
    SUBCASE("a shorter period, said before it is watched") {
        const auto id =
            alive(house, seconds(30), {"notify:WATCHDOG_USEC=150000", "wait-term", "wait"});
        house.perform(WatchWorker{id, ProbeKind::live});
        const auto report = house.await<ProbeReported>();
        REQUIRE(report);
        CHECK(report->detail == "no WATCHDOG=1 for 150ms");
    }
    SUBCASE("a shorter period, said later") {
        const auto id =
            alive(house, seconds(30), {"wait-term", "notify:WATCHDOG_USEC=150000", "wait"});
        house.perform(WatchWorker{id, ProbeKind::live});
        house.perform(SignalWorker{id, SIGTERM});
        CHECK(house.await<ProbeReported>());
    }
    SUBCASE("none") {
        const auto id =
            alive(house, milliseconds(100), {"notify:WATCHDOG_USEC=0", "wait-term", "wait"});
        house.perform(WatchWorker{id, ProbeKind::live});
        house.run_for(milliseconds(400));
        CHECK(reports(house).empty());
    }
}

TEST_CASE("life has two witnesses: it is over when one says so, and back when both do") {
    House house;
    auto& revision = house.revision(7, {"wait-term", "notify:WATCHDOG=1", "wait"});
    revision.spec.live.watchdog = milliseconds(150);
    revision.spec.live.probe.emplace();
    revision.spec.live.probe->what = ExecHook{{"false"}};
    revision.spec.live.probe->interval = milliseconds(10);
    revision.spec.live.probe->failure_threshold = 1;
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    house.perform(WatchWorker{id, ProbeKind::live});
    REQUIRE(house.await<ProbeReported>());
    house.perform(SignalWorker{id, SIGTERM});
    house.run_for(milliseconds(500));
    CHECK(reports(house).size() == 1); // the probe goes on failing
}

TEST_CASE(
    "a worker that takes more than max_memory is reported once, and only when it is available") {
    House house;
    auto& revision = house.revision(7, {"wait-term", "fork", "take:64", "wait"});
    revision.spec.recycle.max_memory = 32u << 20;
    revision.spec.recycle.interval = milliseconds(20);
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    house.perform(MarkAvailable{id});
    house.perform(SignalWorker{id, SIGTERM});
    const auto exceeded = house.await<MemoryExceeded>();
    REQUIRE(exceeded);
    CHECK(exceeded->worker == id);
    CHECK(exceeded->bytes > 32u << 20);
    CHECK(house.await_status("took it"));
    CHECK(house.host->memory_of_workers() > 60u << 20);
    house.run_for(milliseconds(150));
    CHECK(house.count<MemoryExceeded>() == 1);
    house.perform(KillWorker{id, "a test"});
    REQUIRE(house.await<WorkerExited>());
    CHECK(house.host->memory_of_workers() == 0);
}
