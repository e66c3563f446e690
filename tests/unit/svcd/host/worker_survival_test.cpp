// What a supervisor leaves of its workers, and what the next one hears of them.
#include "succession.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using namespace svc::rollout;

namespace {

bool keeps(Keeper& keeper, const std::string& name) {
    const auto names = keeper.names();
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// Recorded as the store confirms it, then released.
WorkerId start(House& house, Keeper& keeper) {
    const auto id = house.launch(7, false);
    house.perform(RecordWorker{id});
    REQUIRE(house.run_until([&] {
        keeper.held(); // reads what it was told, and with it the barrier
        return house.count<WorkerRecorded>() == 1;
    }));
    house.perform(ReleaseWorker{id});
    return id;
}

} // namespace

TEST_CASE("the fds of a worker that ended stay in the store until its end is published") {
    Keeper keeper;
    House house(keeper.seen_from_below());
    REQUIRE(house.host->open_vault());
    house.revision(7, {"wait-term"});
    const auto id = start(house, keeper);
    REQUIRE(house.await<WorkerExecuted>());
    REQUIRE(keeps(keeper, "svc.worker.1.pidfd"));
    house.perform(KillWorker{id, "a test"});
    REQUIRE(house.await<WorkerExited>());

    // The state has not heard of it. It is published nevertheless: another worker said READY=1, say.
    house.host->publish(house.state);
    CHECK(keeps(keeper, "svc.worker.1.pidfd"));
    house.state.workers.at(id).phase = WorkerPhase::exited;
    house.host->settled(house.state);
    CHECK_FALSE(keeps(keeper, "svc.worker.1.pidfd"));
}

TEST_CASE("the next supervisor hears of the main process that was named before it") {
    Keeper keeper;
    House house(keeper.seen_from_below());
    house.revision(7, {"fork", "mainpid", "wait-term"});
    const auto id = start(house, keeper);
    const auto named = house.await<MainPidChanged>();
    REQUIRE(named);

    // The state does not know of it yet when the supervisor ends.
    house.state.workers.at(id).phase = WorkerPhase::starting;
    House next(keeper.seen_from_below());
    KeptFds kept = keeper.hand_back();
    auto survivors = next.host->take_over(wire::Snapshot{house.state, house.host->ledger()}, kept);
    REQUIRE(survivors);
    CHECK(survivors->running.contains(id));
    next.state = house.state;
    next.host->catch_up(next.state);
    const auto heard = next.await<MainPidChanged>();
    REQUIRE(heard);
    CHECK(heard->pid == named->pid);
}

TEST_CASE(
    "what was heard of a worker's readiness is known to the next supervisor, which reads on") {
    for (const auto on : {ReadyOn::fd, ReadyOn::ipc}) {
        Keeper keeper;
        House house(keeper.seen_from_below());
        house
            .revision(7, {on == ReadyOn::ipc ? "say-ready:\"ready\"\n" : "newline", "wait-term",
                          "talk-ready:20000", "wait"})
            .spec.ready.on = on;
        const auto id = start(house, keeper);
        REQUIRE(house.await_status("waiting"));
        REQUIRE(house.run_until([&] { return house.host->ledger().workers.at(id).heard_ready; }));

        // The state does not know of it yet when the supervisor ends.
        house.state.workers.at(id).phase = WorkerPhase::starting;
        House next(keeper.seen_from_below());
        KeptFds kept = keeper.hand_back();
        REQUIRE(next.host->take_over(wire::Snapshot{house.state, house.host->ledger()}, kept));
        next.state = house.state;
        next.host->catch_up(next.state);
        next.perform(WatchWorker{id, ProbeKind::ready});
        const auto report = next.await<ProbeReported>();
        REQUIRE(report);
        CHECK(report->verdict == ProbeVerdict::passed);
        next.perform(SignalWorker{id, SIGTERM});
        CHECK(next.await_status("talked"));
    }
}
