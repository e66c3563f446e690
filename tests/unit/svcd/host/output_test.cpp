#include "svcd/host/output/output_relay.h"
#include "svcd/host/output/output_tail.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;

namespace {

struct Ends {
    UniqueFd read;
    UniqueFd write;
};

Ends make_pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Ends make_stream() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void write_all(int fd, const std::string& text) {
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

} // namespace

TEST_CASE("the tail keeps the last 20 lines and at most 4 KiB") {
    OutputTail tail;
    for (int i = 0; i < 100; ++i)
        tail.feed("line " + std::to_string(i) + "\n");
    CHECK(tail.lines().size() == 20);
    CHECK(tail.lines().back() == "line 99");
    for (int i = 0; i < 10; ++i)
        tail.feed(std::string(2000, 'x') + "\n");
    CHECK(tail.lines().size() == 4);
    CHECK(tail.lines().back().size() == 1024);
}

TEST_CASE("the tail joins what came in pieces, and counts a line without an end") {
    OutputTail tail;
    tail.feed("ab");
    tail.feed("c\r\nd");
    CHECK(tail.lines() == std::vector<std::string>{"abc", "d"});
    tail.feed("e\n");
    CHECK(tail.lines() == std::vector<std::string>{"abc", "de"});
}

TEST_CASE("a relay stops reading while our stderr is full, and loses nothing") {
    for (const bool socket : {false, true}) {
        CAPTURE(socket);
        boost::asio::io_context io(1);
        Ends ours = socket ? make_stream() : make_pipe();
        Ends workers = make_pipe();
        ErrorSink sink(io, ours.write.get());
        auto relay =
            OutputRelay::make(io, std::move(workers.read), std::make_unique<ErrorPlace>(sink));
        REQUIRE(relay);
        bool closed = false;
        (*relay)->when_closed([&] { closed = true; });

        ::fcntl(workers.write.get(), F_SETFL, O_NONBLOCK); // the test's end: it must not hang
        std::string sent;
        std::size_t refused = 0;
        for (int i = 0; i < 20000 && refused < 3; ++i) {
            const std::string line = "line " + std::to_string(i) + std::string(100, '.') + "\n";
            if (::write(workers.write.get(), line.data(), line.size()) ==
                static_cast<ssize_t>(line.size()))
                sent += line;
            else
                ++refused;
            io.restart();
            io.poll();
        }
        CHECK(refused == 3); // back-pressure reached the writer
        // The open file that we share with others stays as it was.
        CHECK((::fcntl(ours.write.get(), F_GETFL) & O_NONBLOCK) == 0);

        ::fcntl(ours.read.get(), F_SETFL, O_NONBLOCK);
        workers.write.reset();
        std::string got;
        std::array<char, 65536> buffer;
        for (int round = 0; round < 100000 && !(closed && got.size() == sent.size()); ++round) {
            const auto count = ::read(ours.read.get(), buffer.data(), buffer.size());
            if (count > 0)
                got.append(buffer.data(), static_cast<std::size_t>(count));
            io.restart();
            io.poll();
        }
        CHECK(closed);
        CHECK(got.size() == sent.size());
        CHECK(got == sent);
        // Nothing is left that would wake the loop.
        io.restart();
        CHECK(io.poll() == 0);
    }
}

TEST_CASE("a relay of a process that ended has its last lines even while our stderr is full") {
    boost::asio::io_context io(1);
    Ends ours = make_pipe();
    Ends workers = make_pipe();
    ErrorSink sink(io, ours.write.get());
    const std::string filler(4096, 'f');
    while (sink.write(nullptr, filler) == filler.size()) {
    }
    auto relay = OutputRelay::make(io, std::move(workers.read), std::make_unique<ErrorPlace>(sink));
    REQUIRE(relay);
    write_all(workers.write.get(), "first\n");
    io.restart();
    io.poll();
    write_all(workers.write.get(), "last words\n");
    (*relay)->drain();
    CHECK((*relay)->lines() == std::vector<std::string>{"first", "last words"});
}

TEST_CASE("a stderr that nobody reads any more costs its lines, not the worker") {
    boost::asio::io_context io(1);
    Ends ours = make_pipe();
    Ends workers = make_pipe();
    ErrorSink sink(io, ours.write.get());
    ours.read.reset();
    auto relay = OutputRelay::make(io, std::move(workers.read), std::make_unique<ErrorPlace>(sink));
    REQUIRE(relay);
    for (int i = 0; i < 100; ++i) {
        write_all(workers.write.get(), std::string(4000, 'x') + "\n");
        io.restart();
        io.poll();
    }
    CHECK((*relay)->lines().size() == 4);
}
