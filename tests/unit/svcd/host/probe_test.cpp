// Probes: how tries are counted, whom they ask, and who may answer.
#include "held_port.h"
#include "house.h"

#include "svcd/host/watching/probe_counter.h"
#include "svcd/host/watching/probe_place.h"

#include <boost/asio/ip/tcp.hpp>
#include <doctest/doctest.h>
#include <fstream>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using namespace svc::rollout;
using std::chrono::milliseconds;

namespace {

ProbeSpec counted(std::uint32_t successes, std::uint32_t failures) {
    ProbeSpec spec;
    spec.success_threshold = successes;
    spec.failure_threshold = failures;
    return spec;
}

ProbeSpec quick(Probing what) {
    ProbeSpec spec;
    spec.what = std::move(what);
    spec.interval = milliseconds(10);
    spec.timeout = svc::test::patience;
    return spec;
}

/// A worker of revision 7 that runs, probed as `kind` says.
WorkerId watched(House& house, ProbeKind kind) {
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    house.perform(WatchWorker{id, kind});
    return id;
}

WorkerId probed(House& house, const ProbeSpec& probe, std::vector<std::string> words = {"wait"}) {
    auto& revision = house.revision(7, std::move(words));
    revision.spec.ready.on = ReadyOn::probe;
    revision.spec.ready.probe = probe;
    return watched(house, ProbeKind::ready);
}

bool reported(const House& house, ProbeVerdict verdict) {
    for (const auto& observation : house.seen) {
        const auto* report = std::get_if<ProbeReported>(&observation);
        if (report != nullptr && report->verdict == verdict)
            return true;
    }
    return false;
}

ProbeTarget somebody() {
    ProbeTarget target;
    target.who = {4711, 4712, 33};
    target.name = "r7-2";
    target.replica = 2;
    return target;
}

} // namespace

TEST_CASE("a probe passes and fails after so many in a row, and says nothing twice") {
    ProbeCounter counter(counted(2, 3));
    CHECK(counter.failed("refused")->verdict == ProbeVerdict::failing);
    CHECK_FALSE(counter.failed("refused"));
    CHECK_FALSE(counter.succeeded()); // the row of failures is over, and one success is not two
    CHECK_FALSE(counter.failed("refused"));
    CHECK(counter.failed("reset")->detail == "reset");
    const auto failed = counter.failed("reset");
    REQUIRE(failed);
    CHECK(failed->verdict == ProbeVerdict::failed);
    CHECK(failed->detail == "reset");
    CHECK_FALSE(counter.failed("other"));
    CHECK_FALSE(counter.succeeded());
    CHECK(counter.succeeded()->verdict == ProbeVerdict::passed);
    CHECK_FALSE(counter.succeeded());
    CHECK(counter.failed("reset")->verdict == ProbeVerdict::failing);
}

TEST_CASE("what passes already says nothing until it fails; a threshold of 0 never fails") {
    ProbeCounter living(counted(1, 1), ProbeCounter::Standing::passing);
    CHECK_FALSE(living.succeeded());
    CHECK(living.failed("x")->verdict == ProbeVerdict::failed);
    CHECK(living.succeeded()->verdict == ProbeVerdict::passed);
    ProbeCounter patient(counted(1, 0));
    CHECK(patient.failed("x")->verdict == ProbeVerdict::failing);
    for (int count = 0; count < 100; ++count)
        CHECK_FALSE(patient.failed("x"));
}

TEST_CASE("a probe's place has the worker's own name, number and process in it") {
    const auto target = somebody();
    const auto http = place_of(HttpProbe{"http://127.0.0.1:900{replica}/health", ""}, target);
    REQUIRE(http);
    CHECK(http->address.port == 9002);
    CHECK(http->target == "/health");
    const auto local = place_of(HttpProbe{"unix:/run/{worker}.sock:/health", ""}, target);
    REQUIRE(local);
    CHECK(local->address.host == "/run/r7-2.sock");
    const auto tcp = place_of(TcpProbe{"unix:@web-{pid}"}, target);
    REQUIRE(tcp);
    CHECK(tcp->host == "web-4712");
    CHECK_FALSE(place_of(TcpProbe{"nonsense-{replica}"}, target));
}

TEST_CASE("a probe of a worker's own listener asks where that one is bound") {
    auto target = somebody();
    CHECK_FALSE(place_of(HttpProbe{"/health", "admin"}, target));
    target.listeners["admin"] = *parse_address("0.0.0.0:40123");
    const auto place = place_of(HttpProbe{"/health?x={replica}", "admin"}, target);
    REQUIRE(place);
    CHECK(format_address(place->address) == "127.0.0.1:40123");
    CHECK(place->target == "/health?x=2");
}

TEST_CASE("an exec probe passes with status 0, after it failed for two reasons") {
    House house;
    const std::string count = house.directory.path() + "/count";
    auto probe = quick(ExecHook{{"sh", "-c",
                                 "echo x >> $0; n=$(wc -l < $0); echo try of $SVC_WORKER; "
                                 "test $n -gt 3 || exit $((n / 2 + 1))",
                                 count}});
    probe.failure_threshold = 4;
    const auto id = probed(house, probe);
    REQUIRE(house.run_until([&] { return reported(house, ProbeVerdict::passed); }));
    const auto* first = house.find<ProbeReported>(id);
    REQUIRE(first != nullptr);
    CHECK(first->kind == ProbeKind::ready);
    CHECK(first->verdict == ProbeVerdict::failing);
    CHECK(first->detail == "exit status 1 (try of r7-0)");
    CHECK(house.count<ProbeReported>() == 3); // status 1, status 2 (twice), the verdict
    house.run_for(milliseconds(100));
    std::ifstream lines(count);
    std::string line;
    int tries = 0;
    while (std::getline(lines, line))
        ++tries;
    CHECK(tries == 4); // it is decided: no further one
}

TEST_CASE("a try that takes too long fails, and its processes end with it") {
    const auto is_ended = [](Duration timeout) {
        House house;
        const std::string out = house.directory.path() + "/pid"; // "$$" is how svc writes a dollar
        auto probe =
            quick(ExecHook{{"sh", "-c", "echo $$$$ > $0.new; mv $0.new $0; sleep 1000", out}});
        probe.timeout = timeout;
        probe.failure_threshold = 1;
        probed(house, probe);
        const auto report = house.await<ProbeReported>();
        REQUIRE(report);
        CHECK(report->verdict == ProbeVerdict::failed);
        CHECK(report->detail == "no answer within " + format_duration(timeout));
        pid_t pid = 0;
        std::ifstream(out) >> pid;
        if (pid == 0)
            return false; // it had not come so far
        CHECK(house.run_until([&] { return !process_exists(pid); }));
        return true;
    };
    CHECK(svc::test::in_time(is_ended));
}

TEST_CASE("a tcp probe passes once somebody listens, and http needs an answer of 2xx or 3xx") {
    House house;
    const HeldPort held;
    boost::asio::ip::tcp::acceptor acceptor(house.io,
                                            {boost::asio::ip::address_v4::loopback(), held.port()});
    const std::string port = std::to_string(held.port());
    auto id = probed(house, quick(TcpProbe{"127.0.0.1:" + port}));
    CHECK(house.run_until([&] { return reported(house, ProbeVerdict::passed); }));
    house.perform(KillWorker{id, "a test"});
    REQUIRE(house.await<WorkerExited>());
    acceptor.close();
    house.seen.clear();
    probed(house, quick(TcpProbe{"127.0.0.1:" + port}));
    REQUIRE(house.run_until([&] { return reported(house, ProbeVerdict::failed); }));
    CHECK(house.find<ProbeReported>()->detail.find("Connection refused") != std::string::npos);
}

TEST_CASE("an http probe of the worker's own unix socket is answered by that worker") {
    House house;
    const std::string path = house.directory.path() + "/{worker}.sock";
    const std::string real = house.directory.path() + "/r7-0.sock";
    SUBCASE("by itself") {
        probed(house, quick(HttpProbe{"unix:" + path + ":/health", ""}),
               {"listen:" + real, "serve:50=204"});
        CHECK(house.run_until([&] { return reported(house, ProbeVerdict::passed); }));
    }
    SUBCASE("by a child of it that left its group") {
        probed(house, quick(HttpProbe{"unix:" + path + ":/health", ""}),
               {"fork", "session", "listen:" + real, "serve:50=302"});
        CHECK(house.run_until([&] { return reported(house, ProbeVerdict::passed); }));
    }
    SUBCASE("with an error") {
        auto probe = quick(HttpProbe{"unix:" + path + ":/health", ""});
        probe.failure_threshold = 0;
        probed(house, probe, {"listen:" + real, "serve:50=503"});
        CHECK(house.run_until([&] {
            const auto* report = std::get_if<ProbeReported>(&house.seen.back());
            return report != nullptr && report->detail.find("answered 503") != std::string::npos;
        }));
    }
}

TEST_CASE("a probe that another worker answers fails, and names the process") {
    House house;
    const std::string path = house.directory.path() + "/shared.sock";
    house.revision(6, {"listen:" + path, "serve:50=200"});
    house.launch(6);
    REQUIRE(house.await_status("listening"));
    const auto other = house.spawned();
    house.seen.clear();
    SUBCASE("http") {
        probed(house, quick(HttpProbe{"unix:" + path + ":/health", ""}));
    }
    SUBCASE("tcp") {
        probed(house, quick(TcpProbe{"unix:" + path}));
    }
    REQUIRE(house.run_until([&] { return reported(house, ProbeVerdict::failed); }));
    CHECK(house.find<ProbeReported>()->detail.find("answered by process " + std::to_string(other) +
                                                   ", which is not this worker") !=
          std::string::npos);
}

TEST_CASE("what is watched next, a retirement and an end silence a probe") {
    House house;
    auto& revision = house.revision(7, {"wait"});
    revision.spec.ready.startup = quick(ExecHook{{"false"}});
    revision.spec.ready.startup->failure_threshold = 0;
    revision.spec.ready.startup->interval = Duration::zero();
    const auto id = watched(house, ProbeKind::startup);
    REQUIRE(house.await<ProbeReported>());
    SUBCASE("the next watch") {
        house.perform(WatchWorker{id, ProbeKind::live});
    }
    SUBCASE("a retirement") {
        house.perform(RetireWorker{id, Retirement::replaced, "", false});
    }
    SUBCASE("its end") {
        house.perform(KillWorker{id, "a test"});
        REQUIRE(house.await<WorkerExited>());
    }
    const auto reports = house.count<ProbeReported>();
    house.run_for(milliseconds(200));
    CHECK(house.count<ProbeReported>() == reports);
}

TEST_CASE("a probe of life goes on: it fails, and passes again") {
    House house;
    const std::string mark = house.directory.path() + "/well";
    std::ofstream(mark) << "x";
    auto& revision = house.revision(7, {"wait"});
    revision.spec.live.probe = quick(ExecHook{{"test", "-e", mark}});
    revision.spec.live.probe->failure_threshold = 2;
    watched(house, ProbeKind::live);
    std::filesystem::remove(mark);
    REQUIRE(house.run_until([&] { return reported(house, ProbeVerdict::failed); }));
    CHECK_FALSE(reported(house, ProbeVerdict::passed));
    std::ofstream(mark) << "x";
    CHECK(house.run_until([&] { return reported(house, ProbeVerdict::passed); }));
}
