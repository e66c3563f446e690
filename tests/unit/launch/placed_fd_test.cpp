// A fd that the worker has at a number of its own.
#include "launched.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace svc;
using namespace svc::test;

TEST_CASE("one fd can have a number of its own, and what sat there is still used") {
    // The fds arrive at 3, 4, 5 and 6: two listeners, the one to be placed, stdout. The numbers: its
    // own, that of stdout's, one between, one far above all of them.
    for (const std::uint32_t number : {5u, 6u, 7u, 200u}) {
        const auto fds = make_fds(3);
        Pipe pipe = make_pipe();
        wire::LaunchOrder order = order_for({probe_path()});
        order.inherited_fds = 2;
        order.placed_index = 2;
        order.placed_number = number;
        order.stdout_index = 3;
        std::vector<int> sent = numbers_of(fds);
        sent.push_back(pipe.write.get());
        Launched launched;
        launched.send(order, sent);
        pipe.write.reset();
        launched.go();
        const auto failure = launched.answer();
        REQUIRE_MESSAGE(!failure, failure->sentence);
        Facts facts = read_facts(pipe.read.get());
        CHECK(facts["fds"] == "0 1 2 3 4 " + std::to_string(number) + " ");
        CHECK(facts["inode." + std::to_string(number)] == inode_of(fds[2].get()));
        CHECK(facts["inode.4"] == inode_of(fds[1].get()));
    }
}

TEST_CASE("a fd that the supervisor left open does not reach a worker beside a placed one") {
    Launched launched = started_by([] {
        ::dup2(STDIN_FILENO, 20);
        ::dup2(STDIN_FILENO, 60);
    });
    const auto fds = make_fds(1);
    Pipe pipe = make_pipe();
    wire::LaunchOrder order = order_for({probe_path()});
    order.placed_index = 0;
    order.placed_number = 40;
    order.stdout_index = 1;
    launched.send(order, std::vector<int>{fds[0].get(), pipe.write.get()});
    pipe.write.reset();
    launched.go();
    const auto failure = launched.answer();
    REQUIRE_MESSAGE(!failure, failure->sentence);
    CHECK(read_facts(pipe.read.get())["fds"] == "0 1 2 40 ");
}

TEST_CASE("a number above the limit on open files is refused with its reason") {
    const auto fds = make_fds(1);
    wire::LaunchOrder order = order_for({probe_path()});
    order.placed_index = 0;
    order.placed_number = wire::fd_number_limit;
    Launched launched = Launched::unprivileged({{RLIMIT_NOFILE, 256, 256}});
    launched.send(order, numbers_of(fds));
    launched.go();
    const auto failure = launched.answer();
    REQUIRE(failure);
    CHECK(failure->step == wire::LaunchStep::fds);
    CHECK(failure->sentence.find("LimitNOFILE") != std::string::npos);
}
