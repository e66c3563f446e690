// A worker that says on a fd that it is ready.
#include "house.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon::test;
using namespace svc::rollout;

namespace {

Revision& revision_with_fd(House& house, std::vector<std::string> words) {
    auto& revision = house.revision(7, std::move(words));
    revision.spec.ready.on = ReadyOn::fd;
    return revision;
}

/// The report on a worker of revision 7 that is watched once `when` holds.
std::optional<ProbeReported> report_after(House& house, const std::string& status) {
    const auto id = house.launch(7);
    REQUIRE(house.await_status(status));
    CHECK(house.count<ProbeReported>() == 0);
    house.perform(WatchWorker{id, ProbeKind::ready});
    return house.await<ProbeReported>();
}

} // namespace

TEST_CASE("a newline on the fd makes it ready, whatever came before, and before it was watched") {
    House house;
    revision_with_fd(house, {"env:SVC_READY_FD", "barrier", "say-ready:starting", "newline",
                             "notify:STATUS=said", "wait"});
    const auto report = report_after(house, "said");
    REQUIRE(report);
    CHECK(report->kind == ProbeKind::ready);
    CHECK(report->verdict == ProbeVerdict::passed);
    CHECK(house.statuses().at(0) == "3"); // the first number after no listener
}

TEST_CASE(
    "a newline that comes later makes it ready, and the fd has the number that is asked for") {
    House house;
    revision_with_fd(house, {"fd-open:3", "barrier", "wait-term", "say-ready:a", "newline",
                             "close-ready", "wait"})
        .spec.ready.fd = 17;
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    CHECK(house.has_status("closed"));
    house.perform(WatchWorker{id, ProbeKind::ready});
    CHECK(house.count<ProbeReported>() == 0);
    house.perform(SignalWorker{id, SIGTERM});
    const auto report = house.await<ProbeReported>();
    REQUIRE(report);
    CHECK(report->verdict == ProbeVerdict::passed);
}

TEST_CASE("the fd comes after the listeners, and writing to it twice is no death") {
    House house;
    auto& revision =
        revision_with_fd(house, {"env:SVC_READY_FD", "barrier", "newline", "notify:STATUS=said",
                                 "wait-term", "newline", "exit:7"});
    ListenerSpec listener;
    listener.name = "web";
    listener.address = *parse_address("127.0.0.1:0");
    revision.spec.listeners = {listener};
    REQUIRE(house.listeners.open(revision.spec));
    const auto report = report_after(house, "waiting");
    REQUIRE(report);
    CHECK(report->verdict == ProbeVerdict::passed);
    CHECK(house.statuses().at(0) == "4");
    house.perform(SignalWorker{1, SIGTERM});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.value == 7);
}

TEST_CASE("a fd that is closed without a newline fails the worker at once") {
    House house;
    revision_with_fd(house, {"say-ready:almost", "close-ready", "notify:STATUS=closed", "wait"});
    const auto report = report_after(house, "closed");
    REQUIRE(report);
    CHECK(report->verdict == ProbeVerdict::failed);
    CHECK(report->detail == "closed its readiness fd without a newline");
}

TEST_CASE("a number that a listener has is refused before anything runs") {
    House house;
    auto& revision = revision_with_fd(house, {"wait"});
    revision.spec.ready.fd = 2;
    house.launch(7);
    const auto failed = house.await<LaunchFailed>();
    REQUIRE(failed);
    CHECK(failed->step == "order");
    CHECK(failed->sentence.find("the lowest free one is 3") != std::string::npos);
}
