#include "house.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon::test;
using namespace svc::rollout;

TEST_CASE("a worker is spawned, executed, ready, stopped, and its exit is seen, in this order") {
    House house;
    house.revision(7, {"notify:READY=1", "wait-term", "exit:3"});
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerSpawned>());
    REQUIRE(house.await_status("waiting"));
    const auto* ready = house.find<WorkerNotified>();
    CHECK(ready->ready);
    house.perform(SignalWorker{id, SIGTERM});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.kind == ExitStatus::Kind::code);
    CHECK(exited->status.value == 3);
    CHECK(std::holds_alternative<WorkerSpawned>(house.seen.at(0)));
    CHECK(std::holds_alternative<WorkerExecuted>(house.seen.at(1)));
    CHECK(std::holds_alternative<WorkerExited>(house.seen.back()));
}

TEST_CASE("a program that cannot be executed is a LaunchFailed with its reason, and no exit") {
    House house;
    auto& revision = house.revision(7, {});
    revision.executable = house.directory.path() + "/nothing";
    house.launch(7);
    const auto failed = house.await<LaunchFailed>();
    REQUIRE(failed);
    CHECK(failed->step == "exec");
    CHECK(failed->error == ENOENT);
    CHECK(failed->sentence.find("/nothing") != std::string::npos);
    house.io.restart();
    house.io.run_for(std::chrono::milliseconds(50));
    CHECK(house.count<LaunchFailed>() == 1);
    CHECK(house.count<WorkerExited>() == 0);
    CHECK(house.count<WorkerExecuted>() == 0);
    CHECK_FALSE(process_exists(house.spawned()));
}

TEST_CASE("a step that fails before GO is told without GO") {
    House house;
    house.revision(7, {"wait"}).spec.process.directory = house.directory.path() + "/nowhere";
    house.launch(7, false);
    const auto failed = house.await<LaunchFailed>();
    REQUIRE(failed);
    CHECK(failed->step == "directory");
}

TEST_CASE("a program that exits at once was executed, and every message it left is read") {
    House house;
    house.revision(7, {"notify:READY=1", "exit:5"});
    for (int round = 0; round < 20; ++round) {
        house.seen.clear();
        house.launch(7);
        const auto exited = house.await<WorkerExited>();
        REQUIRE(exited);
        CHECK(exited->status.value == 5);
        REQUIRE(house.seen.size() == 4);
        CHECK(std::holds_alternative<WorkerExecuted>(house.seen[1]));
        REQUIRE(std::holds_alternative<WorkerNotified>(house.seen[2]));
        CHECK(std::get<WorkerNotified>(house.seen[2]).ready);
    }
}

TEST_CASE("nothing is executed before GO, and a kill before GO is one WorkerExited") {
    House house;
    const std::string mark = house.directory.path() + "/mark";
    REQUIRE(::close(::creat(mark.c_str(), 0600)) == 0);
    house.revision(7, {"unlink:" + mark, "wait"});
    const auto id = house.launch(7, false);
    house.io.restart();
    house.io.run_for(std::chrono::milliseconds(50));
    CHECK(std::filesystem::exists(mark));
    house.perform(KillWorker{id, "a test"});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.kind == ExitStatus::Kind::signal);
    CHECK(exited->status.value == SIGKILL);
    CHECK(std::filesystem::exists(mark));
    CHECK(house.count<LaunchFailed>() == 0);
}

TEST_CASE("what is left of a worker's group ends with its main process, and is reaped") {
    House house;
    auto& revision = house.revision(7, {});
    revision.executable = "/bin/sh";
    revision.command = {"/bin/sh", "-c", "sleep 1000 & echo $! >&2; exit 0"};
    house.launch(7);
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    REQUIRE(exited->last_output.size() == 1);
    const pid_t left = std::stoi(exited->last_output[0]);
    CHECK(house.run_until([&] { return !process_exists(left); }));
}

TEST_CASE("KillWorker reaches the whole group") {
    House house;
    auto& revision = house.revision(7, {});
    revision.executable = "/bin/sh";
    revision.command = {"/bin/sh", "-c", "trap '' TERM; sleep 1000 & echo $! >&2; wait"};
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    house.perform(KillWorker{id, "a test"});
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    CHECK(exited->status.value == SIGKILL);
    if (!exited->last_output.empty()) {
        const pid_t left = std::stoi(exited->last_output[0]);
        CHECK(house.run_until([&] { return !process_exists(left); }));
    }
}

TEST_CASE("an orphan that left the worker's group is reaped when it ends") {
    House house;
    auto& revision = house.revision(8, {});
    revision.executable = "/bin/sh";
    const std::string out = house.directory.path() + "/pid";
    revision.command = {"/bin/sh", "-c",
                        "(setsid sh -c 'echo $$ > " + out + ".new; mv " + out + ".new " + out +
                            "; exit 4' &) ; exec sleep 1000"};
    house.launch(8);
    REQUIRE(house.run_until([&] { return std::filesystem::exists(out); }));
    pid_t orphan = 0;
    std::ifstream(out) >> orphan;
    REQUIRE(orphan > 1);
    // Reaped, it does not exist any more; a zombie would.
    CHECK(house.run_until([&] { return !process_exists(orphan); }));
    CHECK(house.count<WorkerExited>() == 0);
}

TEST_CASE("a worker gets its listeners from 3, its variables, and nothing else") {
    House house;
    auto& revision =
        house.revision(7, {"fds", "env:LISTEN_FDS", "env:LISTEN_FDNAMES", "env:LISTEN_PID",
                           "env:WATCHDOG_PID", "env:SVC_REVISION", "env:FROM_FILE", "wait"});
    revision.spec.process.environment = {{"WATCHDOG_PID", "1"}, {"FROM_FILE", "no"}};
    revision.file_environment = {{"FROM_FILE", "yes"}};
    for (const char* name : {"a", "b"}) {
        ListenerSpec listener;
        listener.name = name;
        listener.address.host = "127.0.0.1";
        revision.spec.listeners.push_back(listener);
    }
    REQUIRE(house.listeners.open(revision.spec));
    house.launch(7);
    REQUIRE(house.await_status("yes"));
    const auto said = house.statuses();
    // Statuses of one batch are merged; the last of each batch must still be right.
    for (const auto& text : said) {
        INFO(text);
        const bool known = text == "5" || text == "2" || text == "a:b" ||
                           text == std::to_string(house.spawned()) || text == "(unset)" ||
                           text == "7" || text == "yes";
        CHECK(known);
    }
}

TEST_CASE("listen_pid = omit leaves LISTEN_PID out") {
    House house;
    auto& revision = house.revision(7, {"env:LISTEN_PID", "wait"});
    revision.spec.process.listen_pid = ListenPid::omit;
    ListenerSpec listener;
    listener.name = "http";
    listener.address.host = "127.0.0.1";
    revision.spec.listeners.push_back(listener);
    REQUIRE(house.listeners.open(revision.spec));
    house.launch(7);
    CHECK(house.await_status("(unset)"));
}

TEST_CASE("a thousand listeners reach the worker, in batches, without blocking") {
    House house;
    auto& revision = house.revision(7, {"env:LISTEN_FDS", "wait"});
    for (int i = 0; i < 1000; ++i) {
        ListenerSpec listener;
        listener.name = "l" + std::to_string(i);
        listener.address.family = AddressFamily::unix_abstract;
        listener.address.host = house.directory.path() + std::to_string(i);
        revision.spec.listeners.push_back(listener);
    }
    REQUIRE(house.listeners.open(revision.spec));
    house.launch(7);
    CHECK(house.await_status("1000"));
}

TEST_CASE("the last lines of stderr come with the exit, printable and bounded") {
    House house;
    std::vector<std::string> words;
    for (int i = 0; i < 30; ++i)
        words.push_back("write:line " + std::to_string(i));
    words.push_back("write:bell \a");
    words.push_back("exit:1");
    house.revision(7, words);
    house.launch(7);
    const auto exited = house.await<WorkerExited>();
    REQUIRE(exited);
    REQUIRE(exited->last_output.size() == 20);
    CHECK(exited->last_output.front() == "line 11");
    CHECK(exited->last_output.back() == "bell ?");
}

TEST_CASE("ForgetWorker removes the notify socket") {
    House house;
    house.revision(7, {"wait"});
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    const std::string path = house.settings.runtime_dir + "/notify/r7-0";
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    house.perform(KillWorker{id, "a test"});
    REQUIRE(house.await<WorkerExited>());
    house.perform(ForgetWorker{id});
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a worker that cannot be started for want of its socket's directory is LaunchFailed") {
    House house;
    house.revision(7, {"wait"});
    std::filesystem::remove_all(house.settings.runtime_dir);
    house.launch(7);
    const auto* failed = house.find<LaunchFailed>();
    REQUIRE(failed != nullptr);
    CHECK(failed->step == "notify_socket");
    CHECK(failed->sentence.find("r7-0") != std::string::npos);
}

TEST_CASE("a host that goes takes its workers with it") {
    pid_t pid = 0;
    {
        House house;
        house.revision(7, {"wait"});
        house.launch(7);
        REQUIRE(house.await<WorkerExecuted>());
        pid = house.spawned();
        house.host.reset();
        CHECK(house.run_until(
            [&] { return ::waitpid(pid, nullptr, WNOHANG) == pid || !process_exists(pid); }));
    }
    CHECK_FALSE(process_exists(pid));
}

TEST_CASE("Finish comes with the exit status") {
    House house;
    house.perform(Finish{4});
    CHECK(house.finished == 4);
}
