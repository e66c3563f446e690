// Listeners that only one worker has.
#include "house.h"

#include "svcd/host/listeners/private_listeners.h"

#include <doctest/doctest.h>
#include <fstream>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using namespace svc::rollout;
using std::chrono::milliseconds;

namespace {

ListenerSpec listener(const std::string& name, const std::string& address, ListenerScope scope) {
    ListenerSpec spec;
    spec.name = name;
    spec.address = *parse_address(address);
    spec.scope = scope;
    return spec;
}

ProbeSpec probe_of(const std::string& listener) {
    ProbeSpec spec;
    spec.what = HttpProbe{"/health", listener};
    spec.interval = milliseconds(10);
    spec.timeout = svc::test::patience;
    spec.failure_threshold = 0;
    return spec;
}

bool passes(House& house, WorkerId id) {
    house.perform(WatchWorker{id, ProbeKind::ready});
    return house.run_until([&] {
        for (const auto& observation : house.seen) {
            const auto* report = std::get_if<ProbeReported>(&observation);
            if (report != nullptr && report->worker == id &&
                report->verdict == ProbeVerdict::passed)
                return true;
        }
        return false;
    });
}

} // namespace

TEST_CASE("two workers have a listener of one name, and each is asked at its own") {
    House house;
    auto& revision = house.revision(7, {"env:LISTEN_FDNAMES", "serve:4=200"});
    revision.spec.listeners = {listener("web", "127.0.0.1:0", ListenerScope::service),
                               listener("admin", "127.0.0.1:0", ListenerScope::worker),
                               listener("metrics", "127.0.0.1:0", ListenerScope::service)};
    revision.spec.ready.on = ReadyOn::probe;
    revision.spec.ready.probe = probe_of("admin");
    const std::string out = house.directory.path() + "/address";
    revision.spec.ready.post_ready =
        once(ExecHook{{"sh", "-c", "echo $SVC_LISTENER_ADMIN >> " + out}});
    REQUIRE(house.listeners.open(revision.spec));
    for (int count = 0; count < 2; ++count) {
        const auto id = house.launch(7);
        REQUIRE(house.run_until([&] { return house.find<WorkerExecuted>(id) != nullptr; }));
        CHECK(passes(house, id)); // so its first message was read
        house.perform(RunPostReady{id});
        REQUIRE(house.run_until([&] { return house.find<HookEnded>(id) != nullptr; }));
    }
    REQUIRE(house.statuses().size() == 2);
    CHECK(house.statuses()[0] == "web:admin:metrics"); // in the order of the file
    std::ifstream lines(out);
    std::string first;
    std::string second;
    std::getline(lines, first);
    std::getline(lines, second);
    CHECK(first.starts_with("127.0.0.1:"));
    CHECK(second.starts_with("127.0.0.1:"));
    CHECK(first != second);
    CHECK(first != "127.0.0.1:0");
}

TEST_CASE("a private unix path has the worker's name, and goes with it") {
    House house;
    const std::string path = house.directory.path() + "/admin-r7-0.sock";
    auto& revision = house.revision(7, {"serve:3=204"});
    revision.spec.listeners = {listener(
        "admin", "unix:" + house.directory.path() + "/admin-{worker}.sock", ListenerScope::worker)};
    revision.spec.ready.on = ReadyOn::probe;
    SUBCASE("asked by the listener's name") {
        revision.spec.ready.probe = probe_of("admin");
    }
    SUBCASE("asked by its path") {
        revision.spec.ready.probe = probe_of("");
        revision.spec.ready.probe->what =
            HttpProbe{"unix:" + house.directory.path() + "/admin-{worker}.sock:/", ""};
    }
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    CHECK(std::filesystem::exists(path));
    CHECK(passes(house, id));
    house.perform(KillWorker{id, "a test"});
    REQUIRE(house.await<WorkerExited>());
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(std::filesystem::is_empty(house.settings.runtime_dir + "/links"));
}

TEST_CASE("a private listener that cannot be opened is a failed launch") {
    House house;
    auto& revision = house.revision(7, {"wait"});
    revision.spec.listeners = {
        listener("fine", "unix:" + house.directory.path() + "/fine-{worker}",
                 ListenerScope::worker),
        listener("admin", "unix:/nowhere/{worker}.sock", ListenerScope::worker)};
    house.launch(7);
    const auto failed = house.await<LaunchFailed>();
    REQUIRE(failed);
    CHECK(failed->step == "listener");
    CHECK(failed->sentence.find("listener admin: ") == 0);
    CHECK(failed->sentence.find("/nowhere/r7-0.sock") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(house.directory.path() + "/fine-r7-0"));
}

TEST_CASE("the table of listeners leaves private ones alone") {
    House house;
    auto& revision = house.revision(7, {"wait"});
    revision.spec.listeners = {listener("web", "127.0.0.1:0", ListenerScope::service),
                               listener("admin", "127.0.0.1:0", ListenerScope::worker)};
    REQUIRE(house.listeners.open(revision.spec));
    CHECK(house.listeners.passed_to(revision.spec).names == std::vector<std::string>{"web"});
    house.listeners.apply_live(revision.spec);
    house.listeners.inspect_all();
    const auto status = house.listeners.status(revision.spec);
    REQUIRE(status.size() == 2);
    CHECK(status[1].sockets == 0);
    const Spec& spec = revision.spec;
    Spec only_private = spec;
    only_private.listeners.erase(only_private.listeners.begin());
    house.listeners.keep_only({&only_private});
    CHECK(house.listener_reports.back().find("web: closed") != std::string::npos);
}

TEST_CASE("the variable of a listener is one that a shell can read") {
    CHECK(listener_variable("admin-2.x_Y") == "SVC_LISTENER_ADMIN_2_X_Y");
}

TEST_CASE("a worker's own listeners are known to the next supervisor, and their paths go with it") {
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/admin-r7-0.sock";
    const std::string links = directory.path() + "/links";
    PrivateListeners first(links, "r7-0"); // was killed: it cleans up last
    auto of_worker = first.open(listener(
        "admin", "unix:" + directory.path() + "/admin-{worker}.sock", ListenerScope::worker));
    REQUIRE(of_worker);
    REQUIRE(first.open(listener("metrics", "127.0.0.1:0", ListenerScope::worker)));
    auto records = first.records();
    REQUIRE(records.size() == 2);
    SUBCASE("as they were") {
        PrivateListeners second(links, "r7-0");
        second.take_over(records);
        CHECK(second.addresses() == first.addresses());
        CHECK(second.records() == records);
        REQUIRE(std::filesystem::exists(path));
        second.remove();
        CHECK_FALSE(std::filesystem::exists(path));
        CHECK(std::filesystem::is_empty(links));
    }
    SUBCASE("a link that nobody made is not unlinked") {
        const std::string precious = directory.path() + "/precious";
        std::ofstream(precious) << "data";
        records[0].link_path = precious;
        PrivateListeners second(links, "r7-0");
        second.take_over(records);
        second.remove();
        CHECK(std::filesystem::exists(precious));
    }
}
