#include "os/process.h"

#include "launched.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace svc;
using namespace svc::os;

namespace {

struct Child {
    pid_t pid = 0;
    UniqueFd pidfd;
};

/// Forks a child that runs `body` and exits with what it returns.
template <class Body>
Child fork_child(Body body) {
    Child child;
    child.pid = ::fork();
    REQUIRE(child.pid >= 0);
    if (child.pid == 0) {
        try {
            ::_exit(body());
        } catch (...) { // a failed REQUIRE must not run on into the other tests
            ::_exit(99);
        }
    }
    auto pidfd = open_pidfd(child.pid);
    REQUIRE(pidfd);
    child.pidfd = std::move(*pidfd);
    return child;
}

[[noreturn]] int pause_for_ever() {
    for (;;)
        ::pause();
}

} // namespace

TEST_CASE("an ended child can be looked at as often as wanted, and is gone once reaped") {
    const Child child = fork_child([] { return 7; });
    REQUIRE(test::wait_readable(child.pidfd.get()));
    for (int look = 0; look < 2; ++look) {
        const auto ended = peek_ended_child();
        REQUIRE(ended);
        CHECK(ended->pid == child.pid);
        CHECK_FALSE(ended->signaled);
        CHECK(ended->value == 7);
    }
    reap(child.pid);
    CHECK_FALSE(peek_ended_child());
}

TEST_CASE("a child that runs is neither seen as ended nor waited for") {
    const Child child = fork_child(pause_for_ever);
    CHECK_FALSE(peek_ended_child());
    reap(child.pid); // returns at once
    REQUIRE(send_signal(child.pidfd.get(), SIGUSR1));
    const Ended ended = test::wait_end(child.pidfd.get());
    CHECK(ended.signaled);
    CHECK(ended.value == SIGUSR1);
}

TEST_CASE("a signal to a process that is gone is no error") {
    const Child child = fork_child([] { return 0; });
    test::wait_end(child.pidfd.get());
    CHECK(send_signal(child.pidfd.get(), SIGTERM));
    CHECK(kill_group(child.pidfd.get(), child.pid));
}

TEST_CASE("killing a group ends its orphans while the leader is a zombie") {
    test::Launched launched;
    wire::LaunchOrder order;
    order.arguments = {"probe", "orphan"};
    test::Pipe pipe = test::make_pipe();
    order.executable = test::probe_path();
    order.stdout_index = 0;
    const std::array<int, 1> fds{pipe.write.get()};
    launched.send(order, fds);
    pipe.write.reset();
    launched.go();
    CHECK_FALSE(launched.answer());
    const test::Facts facts = test::read_facts(pipe.read.get());
    const auto orphan = static_cast<pid_t>(std::stoi(facts.at("orphan")));
    REQUIRE(test::wait_readable(launched.pidfd())); // the leader has exited, and is not reaped
    CHECK(process_group_of(orphan) == launched.pid());
    REQUIRE(kill_group(launched.pidfd(), launched.pid()));
    // The orphan alone holds the pipe's other end: end-of-file is its death.
    REQUIRE(test::wait_readable(pipe.read.get()));
    char byte = 0;
    CHECK(::read(pipe.read.get(), &byte, 1) == 0);
}

TEST_CASE("killing a group that its leader has not made yet ends the leader and nobody else") {
    const Child bystander = fork_child(pause_for_ever);
    const Child child = fork_child(pause_for_ever); // both in our own group
    REQUIRE(process_group_of(child.pid) == ::getpgrp());
    REQUIRE(kill_group(child.pidfd.get(), child.pid));
    const Ended ended = test::wait_end(child.pidfd.get());
    CHECK(ended.signaled);
    CHECK(ended.value == SIGKILL);
    CHECK_FALSE(peek_ended_child());
    REQUIRE(send_signal(bystander.pidfd.get(), SIGKILL));
    test::wait_end(bystander.pidfd.get());
}

TEST_CASE("a process's parent is found whatever the process calls itself") {
    const test::Pipe named = test::make_pipe();
    const Child child = fork_child([&] {
        ::prctl(PR_SET_NAME, "a) R 1 (b");
        if (::write(named.write.get(), "x", 1) != 1)
            return 1;
        return pause_for_ever();
    });
    REQUIRE(test::wait_readable(named.read.get()));
    CHECK(parent_of(child.pid) == ::getpid());
    CHECK(process_group_of(child.pid) == ::getpgrp());
    REQUIRE(send_signal(child.pidfd.get(), SIGKILL));
    REQUIRE(test::wait_readable(child.pidfd.get()));
    CHECK(parent_of(child.pid) == ::getpid()); // a zombie still has one
    test::wait_end(child.pidfd.get());
    CHECK_FALSE(parent_of(child.pid));
    CHECK_FALSE(process_group_of(child.pid));
    CHECK_FALSE(oom_kills_of(child.pid));
}

TEST_CASE("OOM kills are known where the cgroup counts them") {
    const std::string groups = test::read_whole_file("/proc/self/cgroup");
    const std::size_t line = groups.starts_with("0::") ? 0 : groups.find("\n0::") + 1;
    const std::string path = groups.substr(line + 3, groups.find('\n', line) - line - 3);
    const std::string events = test::read_whole_file("/sys/fs/cgroup" + path + "/memory.events");
    const std::size_t count = events.find("oom_kill ");
    if (count == std::string::npos) {
        CHECK_FALSE(oom_kills_of(::getpid()));
        MESSAGE("no memory controller of cgroup2 here: only its absence was tested");
        return;
    }
    CHECK(oom_kills_of(::getpid()) == std::stoull(events.substr(count + 9)));
}

TEST_CASE("an orphan comes to a subreaper") {
    const Child child = fork_child([] {
        if (!become_subreaper())
            return 1;
        const pid_t middle = ::fork();
        if (middle == 0) {
            if (::fork() == 0)
                ::_exit(42);
            ::_exit(0);
        }
        // The middle one and, through it, the orphan with 42.
        bool seen = false;
        int status = 0;
        while (::wait(&status) > 0)
            seen = seen || (WIFEXITED(status) && WEXITSTATUS(status) == 42);
        return seen ? 0 : 2;
    });
    CHECK(test::wait_end(child.pidfd.get()).value == 0);
}

TEST_CASE("a launcher that is missing, a directory or not executable is refused by name") {
    const auto missing = open_launcher("/nonexistent/svc-launch");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message ==
          "cannot open the launcher /nonexistent/svc-launch: No such file or directory");
    CHECK_FALSE(open_launcher(test::scratch_directory()));
    const auto plain = open_launcher(test::make_file("plain", "x", 0644));
    REQUIRE_FALSE(plain);
    CHECK(plain.error().code == EACCES);
}

TEST_CASE("a launcher starts even if every standard fd of ours is closed") {
    test::scratch_directory();
    const auto launcher = open_launcher(test::launcher_path());
    REQUIRE(launcher);
    for (const int launcher_number : {launcher->get(), 0, 2, 3}) {
        const Child child = fork_child([&] {
            const UniqueFd kept(::fcntl(launcher->get(), F_DUPFD_CLOEXEC, 100));
            for (const int fd : {0, 1, 2, 3})
                ::close(fd);
            if (launcher_number <= 3)
                ::dup3(kept.get(), launcher_number, O_CLOEXEC);
            auto spawned = spawn_launcher(launcher_number);
            if (!spawned)
                return 10;
            test::Launched launched(std::move(*spawned));
            const test::Facts facts = test::probe(launched, {});
            // stdout is the probe's pipe; stdin and stderr were closed and are /dev/null now.
            return facts.at("fds") == "0 1 2 " && facts.at("stdin_is_null") == "1" ? 0 : 11;
        });
        CHECK(test::wait_end(child.pidfd.get()).value == 0);
    }
}
