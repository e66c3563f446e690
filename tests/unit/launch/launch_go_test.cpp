// When svc-launch starts the worker: after GO, never without it.
#include "launched.h"

#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

using namespace svc;
using namespace svc::test;

namespace {

/// A launcher whose own stdout is `fd`.
Launched with_stdout(int fd) {
    const UniqueFd ours(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    REQUIRE(ours);
    REQUIRE(::dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
    Launched launched;
    REQUIRE(::dup2(ours.get(), STDOUT_FILENO) == STDOUT_FILENO);
    return launched;
}

} // namespace

TEST_CASE("a script with #! runs under its own name") {
    const std::string script =
        make_file("script", "#!/bin/sh\necho \"zero=$0\necho=$1\nend\"\n", 0755);
    Pipe pipe = make_pipe();
    Launched launched;
    wire::LaunchOrder order = order_for({script, "argument"});
    order.stdout_index = 0;
    const std::array<int, 1> fds{pipe.write.get()};
    launched.send(order, fds);
    pipe.write.reset();
    launched.go();
    CHECK_FALSE(launched.answer());
    Facts facts = read_facts(pipe.read.get());
    CHECK(facts["zero"] == script);
    CHECK(facts["echo"] == "argument");
}

// That it waits for GO is shown by the next test: without one, what is there at the launcher's end is
// all that there will ever be.
TEST_CASE("a GO that comes when the launcher has done its work starts the program") {
    const std::string mark = scratch_directory() + "/started";
    const std::string script = make_file("marking", "#!/bin/sh\n: > " + mark + "\n", 0755);
    Pipe own = make_pipe();
    Launched launched = with_stdout(own.write.get());
    own.write.reset();
    const Pipe given = make_pipe();
    wire::LaunchOrder order = order_for({script});
    order.stdout_index = 0;
    const std::array<int, 1> fds{given.write.get()};
    launched.send(order, fds);
    // End-of-file: the launcher's stdout was the last holder, and connect_stdio() put another in its
    // place.
    REQUIRE(wait_readable(own.read.get()));
    std::array<char, 1> nothing{};
    REQUIRE(::read(own.read.get(), nothing.data(), nothing.size()) == 0);
    CHECK_FALSE(std::filesystem::exists(mark));
    launched.go();
    CHECK_FALSE(launched.answer());
    CHECK(launched.end().value == 0);
    CHECK(std::filesystem::exists(mark));
}

TEST_CASE("end-of-file before GO ends the launcher without a word, wherever it comes") {
    const std::string mark = scratch_directory() + "/must-not-start";
    const std::string script = make_file("unwanted", "#!/bin/sh\n: > " + mark + "\n", 0755);
    const Pipe pipe = make_pipe();
    const std::vector<int> numbers{pipe.read.get(), pipe.write.get(), pipe.read.get()};
    const std::string message = *wire::encode_launch_order(order_for({script}), numbers.size());
    for (const std::size_t part :
         {std::size_t{0}, std::size_t{5}, std::size_t{16}, message.size() - 1, message.size()}) {
        Launched launched;
        launched.send_bytes(std::string_view(message).substr(0, part));
        launched.close_socket();
        const os::Ended ended = launched.end();
        CHECK_FALSE(ended.signaled);
        CHECK(ended.value == 0);
    }
    for (const std::size_t sent : {std::size_t{1}, std::size_t{3}}) {
        Launched launched;
        launched.send_bytes(message);
        launched.send_bytes("F", std::span(numbers).first(sent));
        launched.close_socket();
        CHECK(launched.end().value == 0);
    }
    CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("a stop signal ends a launcher that waits for GO") {
    Launched launched;
    launched.send(order_for({"/bin/true"}));
    REQUIRE(os::send_signal(launched.pidfd(), SIGTERM));
    const os::Ended ended = launched.end();
    CHECK(ended.signaled);
    CHECK(ended.value == SIGTERM);
}
