#include "svcd/front/timeline_recorder.h"

#include "../../rollout/stage.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using namespace std::chrono_literals;
using rollout::RevisionNumber;
using rollout::RolloutSpec;

namespace {

constexpr WallTime day{1'795'313'289s};

/// A supervisor whose host records, as the daemon's does.
class Recorded : public rollout::Stage {
public:
    explicit Recorded(const RolloutSpec& wanted) : Stage(wanted) {}
    void report(const rollout::Event& event) override {
        Stage::report(event);
        recorder.happened(event, state(), now, day + (now - Instant{1000s}));
    }
    void settled(const rollout::State& state) override {
        recorder.settled(state, now, day + (now - Instant{1000s}));
    }
    [[nodiscard]] const wire::WorkerTrack& row(const wire::Timeline& timeline,
                                               std::string_view name) const {
        for (const auto& track : timeline.workers)
            if (track.name == name)
                return track;
        fatal("no row " + std::string(name));
    }

    std::vector<wire::Timeline> stored;
    TimelineRecorder recorder{[this](const wire::Timeline& kept) { stored.push_back(kept); }};
};

RolloutSpec one_replica() {
    RolloutSpec spec;
    spec.replicas = 1;
    return spec;
}

constexpr std::int64_t second = 1'000'000;

} // namespace

TEST_CASE("a rollout's record has every worker's instants, and is stored twice") {
    Recorded stage(one_replica());
    stage.boot();
    REQUIRE(stage.stored.size() == 1); // nobody was left to go
    CHECK_FALSE(stage.stored[0].open);
    stage.stored.clear();

    stage.wait(10s);
    stage.reload();
    stage.wait(1s);
    CHECK(stage.recorder.find(2, stage.now)->result == "in progress");
    CHECK(stage.recorder.find(2, stage.now)->length_us == second);
    stage.ready("r2-0"); // it is available at once, and r1-0 is told to stop
    REQUIRE(stage.stored.size() == 1);
    CHECK(stage.stored[0].open);
    CHECK(stage.stored[0].result == "complete");
    CHECK(stage.stored[0].length_us == second);
    CHECK(stage.stored[0].from == 1);
    CHECK(stage.stored[0].strategy == "rolling");
    CHECK(stage.stored[0].began_us == (day + 10s).time_since_epoch().count());

    stage.wait(2s);
    stage.exits("r1-0", 0);
    REQUIRE(stage.stored.size() == 2);
    const wire::Timeline& whole = stage.stored[1];
    CHECK_FALSE(whole.open);
    CHECK(whole.until_us == 3 * second);
    CHECK(whole.workers.size() == 2);
    const auto& old = stage.row(whole, "r1-0");
    CHECK(old.launched_us == -10 * second);
    CHECK(old.drain_us == second);
    CHECK(old.stop_us == second);
    CHECK(old.ended_us == 3 * second);
    CHECK(old.ended == "exit status 0");
    CHECK_FALSE(old.failed);
    const auto& fresh = stage.row(whole, "r2-0");
    CHECK(fresh.launched_us == 0);
    CHECK(fresh.ready_us == second);
    CHECK(fresh.available_us == second);
    CHECK_FALSE(fresh.drain_us);
    CHECK(*stage.recorder.find(2, stage.now) == whole);
    CHECK_FALSE(stage.recorder.find(1, stage.now));
}

TEST_CASE("a rollout that is rolled back says which worker failed, and when it turned") {
    Recorded stage(one_replica());
    stage.boot();
    stage.reload();
    stage.wait(1s);
    stage.exits("r2-0", 3);
    const wire::Timeline& record = stage.stored.back();
    CHECK(record.revision == 2);
    CHECK(record.result == "rolled back");
    CHECK(record.reason.find("exit status 3") != std::string::npos);
    CHECK(stage.row(record, "r2-0").failed);
    REQUIRE_FALSE(record.marks.empty());
    CHECK(record.marks[0].at_us == second);
    CHECK_FALSE(record.open);
}

TEST_CASE("the next rollout begins while old workers drain: both records go on") {
    Recorded stage(one_replica());
    stage.boot();
    stage.reload();
    stage.ready("r2-0"); // r1-0 drains on
    stage.reload();
    stage.ready("r3-0");
    CHECK(stage.recorder.find(2, stage.now)->open);
    CHECK(stage.recorder.find(3, stage.now)->open);
    stage.exits("r1-0", 0);
    CHECK(stage.stored.back().revision == 2);
    CHECK_FALSE(stage.stored.back().open);
    CHECK(stage.recorder.find(3, stage.now)->open);
    stage.exits("r2-0", 0);
    CHECK(stage.stored.back().revision == 3);
    CHECK_FALSE(stage.stored.back().open);
}

TEST_CASE("a recorder that comes late takes what was from the state") {
    Recorded stage(one_replica());
    stage.boot();
    stage.wait(5s);
    stage.reload();
    stage.wait(1s);
    std::vector<wire::Timeline> stored;
    TimelineRecorder late([&](const wire::Timeline& kept) { stored.push_back(kept); });
    late.settled(stage.state(), stage.now, day);
    const auto record = late.find(2, stage.now);
    REQUIRE(record);
    CHECK(record->length_us == second);
    CHECK(stage.row(*record, "r2-0").launched_us == 0);
    CHECK(stage.row(*record, "r1-0").ready_us == -5 * second);
}

TEST_CASE("a stop closes every record") {
    Recorded stage(one_replica());
    stage.boot();
    stage.reload();
    stage.see(rollout::StopRequested{.now = true, .reason = "test"});
    stage.exits("r1-0", 0);
    stage.exits("r2-0", 0);
    CHECK(stage.stored.back().revision == 2);
    CHECK_FALSE(stage.stored.back().open);
    CHECK(stage.stored.back().result == "aborted");
    CHECK(stage.row(stage.stored.back(), "r1-0").ended == "exit status 0");
}

TEST_CASE("a record is bounded, and says that it was cut") {
    rollout::State state;
    state.rollout = rollout::Rollout{.from = 1, .to = 2};
    for (rollout::WorkerId id = 1; id <= 2200; ++id) {
        state.workers[id].id = id;
        state.workers[id].phase = rollout::WorkerPhase::available;
    }
    TimelineRecorder recorder([](const wire::Timeline&) {});
    recorder.settled(state, Instant{}, day);
    const auto record = recorder.find(2, Instant{});
    REQUIRE(record);
    CHECK(record->workers.size() == 2048);
    CHECK(record->cut == 2200 - 2048);
}
