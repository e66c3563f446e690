// A worker that says on a fd, or on the channel of Node's IPC, that it is ready.
#include "house.h"

#include "svcd/host/watching/ready_fd.h"

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

Revision& revision_with_ipc(House& house, std::vector<std::string> words) {
    auto& revision = house.revision(7, std::move(words));
    revision.spec.ready.on = ReadyOn::ipc;
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

TEST_CASE("the line is found in any pieces, and is a whole line") {
    const auto found = [](std::initializer_list<std::string_view> pieces) {
        daemon::ReadyLine line;
        bool result = false;
        for (const auto piece : pieces)
            result = line.feed(piece);
        return result;
    };
    CHECK(found({"\"ready\"\n"}));
    CHECK(found({"\"re", "", "ady\"", "\n"}));
    CHECK(found({"{\"a\":1}\n\n\"ready\"\n{"}));
    CHECK_FALSE(found({"\"ready\""}));
    CHECK_FALSE(found({"ready\n"}));
    CHECK_FALSE(found({"{\"say\":\"ready\"}\n"}));
    CHECK_FALSE(found({" \"ready\"\n"}));
    CHECK_FALSE(found({"\"ready\"x\n"}));
    CHECK_FALSE(found({"\"ready\"\"ready\"\n"}));
    CHECK_FALSE(found({"x", "\"ready\"\n"}));
    CHECK(found({std::string(100'000, 'x'), "\n\"ready\"\n"}));
}

TEST_CASE(
    "\"ready\" on the channel makes it ready, among other messages, and before it was watched") {
    House house;
    // Of what is read at once only the last status is told.
    revision_with_ipc(house, {"env:NODE_CHANNEL_FD", "barrier",
                              "env:NODE_CHANNEL_SERIALIZATION_MODE", "barrier", "env:SVC_READY_FD",
                              "barrier", "say-ready:{\"a\":\"ready\"}\n\"re", "say-ready:ady\"\n{}",
                              "notify:STATUS=said", "wait"});
    const auto report = report_after(house, "said");
    REQUIRE(report);
    CHECK(report->kind == ProbeKind::ready);
    CHECK(report->verdict == ProbeVerdict::passed);
    auto said = house.statuses();
    std::erase(said, "passed");
    REQUIRE(said.size() >= 3);
    CHECK(said[0] == "3");
    CHECK(said[1] == "json");
    CHECK(said[2] == "(unset)");
}

TEST_CASE(
    "a worker that talks on the channel never waits for room in it, nor is it ready by that") {
    House house;
    revision_with_ipc(house, {"talk-ready:20000", "barrier", "wait-term", "say-ready:\"ready\"\n",
                              "talk-ready:20000", "notify:STATUS=after", "wait"});
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    house.perform(WatchWorker{id, ProbeKind::ready});
    house.perform(SignalWorker{id, SIGTERM});
    REQUIRE(house.await_status("after"));
    const auto report = house.await<ProbeReported>();
    REQUIRE(report);
    CHECK(report->verdict == ProbeVerdict::passed);
    CHECK(house.count<ProbeReported>() == 1);
}

TEST_CASE("a channel that is closed before \"ready\" fails the worker") {
    House house;
    revision_with_ipc(house,
                      {"say-ready:\"ready\"", "close-ready", "notify:STATUS=closed", "wait"});
    const auto report = report_after(house, "closed");
    REQUIRE(report);
    CHECK(report->verdict == ProbeVerdict::failed);
    CHECK(report->detail ==
          R"(closed its IPC channel (NODE_CHANNEL_FD) before it sent "ready" on it)");
}

TEST_CASE("of a worker that ends before it is ready its end is told, not that of its channel") {
    House house;
    revision_with_ipc(house, {"barrier", "wait-term", "exit:7"});
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    house.perform(WatchWorker{id, ProbeKind::ready});
    house.perform(SignalWorker{id, SIGTERM});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.value == 7);
    CHECK(house.count<ProbeReported>() == 0);
}
