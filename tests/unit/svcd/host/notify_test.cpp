#include "house.h"
#include "os/process.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon::test;
using namespace svc::rollout;

TEST_CASE("a flood of messages neither starves the loop nor blocks the worker") {
    House house;
    house.revision(7, {"flood:5000", "notify:STATUS=done", "wait"});
    house.revision(8, {"notify:READY=1", "wait"});
    house.launch(7);
    const auto other = house.launch(8);
    CHECK(house.run_until([&] { return house.find<WorkerNotified>(other) != nullptr; }));
    REQUIRE(house.await_status("done"));
}

TEST_CASE("texts that are read at once are one observation") {
    House house;
    const std::string mark = house.directory.path() + "/mark";
    REQUIRE(::close(::creat(mark.c_str(), 0600)) == 0);
    house.revision(7, {"wait-term", "flood:8", "unlink:" + mark, "wait"});
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    house.seen.clear();
    house.perform(SignalWorker{id, SIGTERM});
    // The loop does not run before all of them are there.
    const auto end = std::chrono::steady_clock::now() + svc::test::patience;
    while (std::filesystem::exists(mark) && std::chrono::steady_clock::now() < end)
        ::usleep(1000);
    REQUIRE(house.await_status("7"));
    CHECK(house.count<WorkerNotified>() == 1);
}

TEST_CASE("a barrier is passed only after what was said before it is observed") {
    House house;
    house.revision(7, {"notify:STATUS=before", "barrier", "wait"});
    house.launch(7);
    REQUIRE(house.await_status("passed"));
    CHECK(house.statuses() == std::vector<std::string>{"before", "passed"});
}

TEST_CASE("a fd that a worker wants stored is closed, and that is said once") {
    House house;
    house.revision(7, {"store", "store", "notify:STATUS=end", "wait"});
    house.launch(7);
    REQUIRE(house.await_status("end"));
    REQUIRE(house.warnings.size() == 1);
    CHECK(house.warnings[0].find("FDSTORE=1") != std::string::npos);
}

TEST_CASE("notify_access = main refuses a child, with one warning") {
    House house;
    auto& revision = house.revision(7, {"notify:STATUS=parent", "fork", "notify:READY=1",
                                        "notify:READY=1", "notify:READY=1", "wait"});
    revision.spec.ready.notify_access = NotifyAccess::main;
    house.launch(7);
    REQUIRE(house.run_until([&] { return !house.warnings.empty(); }));
    house.io.restart();
    house.io.run_for(std::chrono::milliseconds(50));
    CHECK(house.warnings.size() == 1);
    CHECK(house.warnings[0].find("notify_access") != std::string::npos);
    for (const auto& observation : house.seen) {
        if (const auto* said = std::get_if<WorkerNotified>(&observation))
            CHECK_FALSE(said->ready);
    }
}

TEST_CASE("notify_access = group takes a child of the group, and one that is already gone") {
    House house;
    house.revision(7, {"fork", "notify:READY=1", "exit:0"});
    house.launch(7);
    const auto said = house.await<WorkerNotified>();
    REQUIRE(said);
    CHECK(said->ready);
}

TEST_CASE("notify_access = group refuses one that left the group, and all takes it") {
    House house;
    const std::vector<std::string> words{"fork", "session", "notify:READY=1", "wait"};
    house.revision(7, words);
    house.revision(8, words).spec.ready.notify_access = NotifyAccess::all;
    house.launch(7);
    REQUIRE(house.run_until([&] { return !house.warnings.empty(); }));
    CHECK(house.count<WorkerNotified>() == 0);
    const auto id = house.launch(8);
    CHECK(house.run_until([&] { return house.find<WorkerNotified>(id) != nullptr; }));
    for (const auto& [worker, ignored] : house.state.workers)
        house.perform(KillWorker{worker, "a test"});
}

TEST_CASE("EXTEND_TIMEOUT_USEC counts from the main process only") {
    House house;
    house.revision(7, {"notify:EXTEND_TIMEOUT_USEC=1000000", "fork",
                       "notify:EXTEND_TIMEOUT_USEC=2000000", "notify:STATUS=end", "wait"});
    house.launch(7);
    REQUIRE(house.await_status("end"));
    for (const auto& observation : house.seen) {
        const auto* said = std::get_if<WorkerNotified>(&observation);
        if (said != nullptr && said->extend_timeout)
            CHECK(*said->extend_timeout == std::chrono::seconds(1));
    }
    CHECK(house.find<WorkerNotified>()->extend_timeout.has_value());
}

TEST_CASE(
    "how a main process ended that is another process's child is known where the kernel tells") {
    House house;
    house.revision(7, {"fork", "mainpid", "wait-term", "exit:6"});
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    REQUIRE(house.find<MainPidChanged>() != nullptr);
    house.perform(SignalWorker{id, SIGTERM});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    if (os::exit_of(os::open_pidfd(::getpid())->get())) // Linux 6.15 and later
        CHECK((exited->status.kind == ExitStatus::Kind::code && exited->status.value == 6));
    else
        CHECK(exited->status.kind == ExitStatus::Kind::unknown);
    // The old main process, which only waits, ended with the group.
    CHECK(house.run_until([&] { return !process_exists(house.spawned()); }));
}

TEST_CASE("a main process that is another process's child hands over with its last message") {
    House house;
    // The first process only waits, and reaps nobody. Its child is the main process and names its own
    // child, which comes to us.
    house.revision(7, {"fork", "mainpid", "handover", "wait-term", "exit:9"});
    for (int round = 0; round < 10; ++round) {
        house.seen.clear();
        const auto id = house.launch(7);
        REQUIRE(house.await_status("waiting"));
        CHECK(house.run_until([&] { return house.count<MainPidChanged>() == 2; }));
        CHECK(house.count<WorkerExited>() == 0);
        // The status is known of a child of ours only, and the new main process is one when the one
        // that named it has ended.
        pid_t main_process = 0;
        for (const auto& observation : house.seen) {
            if (const auto* named = std::get_if<MainPidChanged>(&observation))
                main_process = named->pid;
        }
        CHECK(house.run_until([&] { return os::is_our_child(main_process); }));
        house.perform(SignalWorker{id, SIGTERM});
        const auto exited = house.await<WorkerExited>();
        REQUIRE(exited);
        CHECK(exited->status.value == 9);
        CHECK(house.count<WorkerExited>() == 1);
        house.perform(ForgetWorker{id});
    }
}

TEST_CASE("the first process may end after it handed over, and that ends nothing") {
    House house;
    house.revision(7, {"handover", "wait-term", "exit:9"});
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    REQUIRE(house.run_until([&] { return !process_exists(house.spawned()); }));
    CHECK(house.count<WorkerExited>() == 0);
    // Its group is still reached, although its leader was reaped.
    house.perform(KillWorker{id, "a test"});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.value == SIGKILL);
    CHECK(house.count<KillFailed>() == 0);
}

TEST_CASE("MAINPID of a stranger is refused") {
    House house;
    house.revision(7, {"notify:MAINPID=1", "notify:MAINPID=" + std::to_string(::getpid()),
                       "notify:STATUS=end", "wait"});
    house.launch(7);
    REQUIRE(house.await_status("end"));
    CHECK(house.count<MainPidChanged>() == 0);
    CHECK(house.warnings.size() == 2);
}

TEST_CASE("MAINPID moves what is watched and signalled to a descendant") {
    House house;
    const std::string mark = house.directory.path() + "/mark";
    std::ofstream(mark) << "x";
    auto& revision = house.revision(7, {});
    revision.executable = "/bin/sh";
    revision.command = {"/bin/sh", "-c",
                        std::string(SVC_HOST_PROBE) + " mainpid barrier unlink:" + mark +
                            " wait-term exit:9 & while test -e " + mark + "; do sleep 0.01; done"};
    const auto id = house.launch(7);
    REQUIRE(house.await_status("waiting"));
    REQUIRE(house.run_until([&] { return !process_exists(house.spawned()); }));
    CHECK(house.count<MainPidChanged>() == 1);
    CHECK(house.count<WorkerExited>() == 0);
    house.perform(SignalWorker{id, SIGTERM});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.value == 9);
    CHECK(house.count<WorkerExited>() == 1);
}

TEST_CASE("a process that names its successor with its last message hands over") {
    House house;
    house.revision(7, {"handover", "wait-term", "exit:9"});
    for (int round = 0; round < 10; ++round) {
        house.seen.clear();
        const auto id = house.launch(7);
        if (round % 2 == 0) {
            // The worst order: its end is handled before its message was read.
            siginfo_t ignored{};
            REQUIRE(::waitid(P_PID, static_cast<id_t>(house.spawned()), &ignored,
                             WEXITED | WNOWAIT) == 0);
            house.host->children_ended();
        }
        REQUIRE(house.await_status("waiting"));
        REQUIRE(house.run_until([&] { return !process_exists(house.spawned()); }));
        house.perform(SignalWorker{id, SIGTERM});
        const auto exited = house.await<WorkerExited>();
        REQUIRE(exited);
        CHECK(exited->status.value == 9);
    }
}
