#include "svcd/front/metrics_collector.h"

#include "../../rollout/stage.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace svc;
using namespace svc::daemon;
using namespace std::chrono_literals;
using rollout::RolloutSpec;

namespace {

/// A supervisor whose events are counted, as the daemon does.
class Counted : public rollout::Stage {
public:
    explicit Counted(const RolloutSpec& wanted) : Stage(wanted) {}
    void report(const rollout::Event& event) override {
        Stage::report(event);
        count_event(totals, event, state(), now);
    }
    wire::MetricTotals totals;
};

using Counts = std::map<std::string, std::uint64_t>;

std::uint64_t count_of(const wire::DurationTotals& totals) {
    std::uint64_t sum = 0;
    for (const auto one : totals.counts)
        sum += one;
    return sum;
}

void starts_again(Counted& stage, const std::string& name) {
    stage.wait(30s); // the longest wait before a restart
    stage.ready(name);
}

} // namespace

TEST_CASE("rollouts are counted by their results, with the time that each took") {
    Counted stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.wait(1s);
    stage.reload();
    stage.wait(2s);
    stage.ready("r2-0");
    stage.reload();
    stage.wait(3s);
    stage.exits("r3-0");
    CHECK(stage.totals.rollouts == Counts{{"complete", 2}, {"rolled_back", 1}});
    CHECK(stage.totals.rollout.sum_us == std::chrono::microseconds(5s).count());
    CHECK(stage.totals.restarts.empty()); // that r3-0 died is the rollout's result
}

TEST_CASE("one that was called off while it waited took no time") {
    Counted stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.wait(1s);
    stage.reload();
    stage.reload();
    stage.reload(); // in place of the one that waits
    CHECK(stage.totals.rollouts["superseded"] == 1);
    const auto before = count_of(stage.totals.rollout);
    stage.wait(1s);
    stage.ready("r2-0");
    CHECK(count_of(stage.totals.rollout) == before + 1);
}

TEST_CASE("restarts are counted by the way in which the worker ended") {
    Counted stage(RolloutSpec{.replicas = 1});
    stage.boot();
    stage.exits("r1-0", 7);
    starts_again(stage, "r1-0.1");
    rollout::ExitStatus status;
    status.kind = rollout::ExitStatus::Kind::signal;
    status.value = 11;
    stage.see(rollout::WorkerExited{stage.find("r1-0.1").id, status, {}});
    starts_again(stage, "r1-0.2");
    status.out_of_memory = true;
    stage.see(rollout::WorkerExited{stage.find("r1-0.2").id, status, {}});
    starts_again(stage, "r1-0.3");
    stage.exits("r1-0.3", 0);
    stage.wait(30s);
    stage.see(rollout::LaunchFailed{stage.find("r1-0.4").id, 13, "exec", "no such program"});
    stage.wait(30s);
    stage.wait(60s); // r1-0.5 is never ready
    CHECK(stage.totals.restarts == Counts{{"exit", 2},
                                          {"signal", 1},
                                          {"out_of_memory", 1},
                                          {"not_started", 1},
                                          {"not_ready", 1}});
}

TEST_CASE("a worker that gets a successor is counted by the reason for it") {
    Counted stage(RolloutSpec{.replicas = 1});
    stage.spec.recycle.max_memory = 1000;
    stage.boot();
    stage.see(
        rollout::ReplaceRequested{0, "asked for by uid 0"}); // which is nothing that befell it
    stage.ready("r1-0.1");
    stage.see(rollout::MemoryExceeded{stage.find("r1-0.1").id, 2000});
    stage.ready("r1-0.2");
    CHECK(stage.totals.restarts == Counts{{"max_memory", 1}});

    Counted old(RolloutSpec{.replicas = 1});
    old.spec.recycle.max_age = 1h;
    old.boot();
    old.wait(1h);
    CHECK(old.totals.restarts == Counts{{"max_age", 1}});
}

TEST_CASE("the time until a worker is ready, its drain, and who had to be killed are counted") {
    Counted stage(RolloutSpec{.replicas = 1});
    stage.reload();
    stage.wait(4s);
    stage.ready("r1-0");
    CHECK(stage.totals.ready.sum_us == std::chrono::microseconds(4s).count());
    stage.reload();
    stage.ready("r2-0");
    stage.wait(30s); // its grace
    CHECK(stage.totals.killed == 1);
    stage.wait(1s);
    stage.exits("r1-0");
    CHECK(stage.totals.drain.sum_us == std::chrono::microseconds(31s).count());
    CHECK(count_of(stage.totals.drain) == 1);
    stage.see(rollout::StopRequested{true, "now", false});
    CHECK(stage.totals.killed == 1); // that was asked for
}

TEST_CASE("what is collected has every family once, and every sample its service") {
    Counted stage(RolloutSpec{.replicas = 2});
    stage.boot();
    wire::ServiceStatus status = wire::status_of(stage.state(), stage.now);
    status.workers[0].connections = 5;
    status.workers[0].cpu_us = 1'500'000;
    status.supervisor_memory = 4096;
    status.listeners.push_back({.name = "http", .sockets = 2, .backlog = 100, .queue = 3});
    LoopLatency latency;
    latency.add(5ms);
    latency.add(2ms);
    const auto families = collect_metrics({.status = status,
                                           .state = stage.state(),
                                           .totals = stage.totals,
                                           .latency = latency,
                                           .started = {}});
    std::map<std::string, double> values;
    for (const auto& family : families) {
        CHECK(std::count_if(families.begin(), families.end(),
                            [&](const auto& other) { return other.name == family.name; }) == 1);
        if (!family.unit.empty())
            CHECK(family.name.ends_with("_" + family.unit));
        for (const auto& sample : family.samples) {
            CHECK(sample.labels.at("service") == "web");
            std::string key = sample.name;
            for (const auto& [name, value] : sample.labels)
                key += name == "service" ? "" : " " + value;
            CHECK(values.emplace(key, sample.value).second);
        }
    }
    CHECK(values.at("svc_workers 1 available") == 2);
    CHECK(values.at("svc_workers 1 draining") == 0);
    CHECK(values.at("svc_worker_connections 0 1") == 5);
    CHECK(values.count("svc_worker_connections 1 1") == 0); // unknown is not 0
    CHECK(values.at("svc_worker_cpu_seconds_total 0 1") == doctest::Approx(1.5));
    CHECK(values.at("svc_supervisor_memory_bytes") == 4096);
    CHECK(values.count("svc_supervisor_cpu_seconds_total") == 0);
    CHECK(values.at("svc_listener_queue http") == 3);
    CHECK(values.at("svc_listener_backlog http") == 200);
    CHECK(values.count("svc_listener_drops_total http") == 0);
    CHECK(values.at("svc_supervisor_loop_latency_max_seconds") == doctest::Approx(0.005));
    CHECK(values.at("svc_rollouts_total complete") == 1);
    CHECK(values.at("svc_rollouts_total aborted") == 0);
}
