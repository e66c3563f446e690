// Where lines go, and what is asked of the journal afterwards. The relay itself: output_test.cpp.
#include "../../temporary_directory.h"
#include "os/pipe.h"
#include "svcd/host/output/journal_reading.h"
#include "svcd/host/output/output_relay.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
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

void put(const UniqueFd& fd, const std::string& text) {
    REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string take(const UniqueFd& fd) {
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    std::array<char, 65536> bytes{};
    const auto count = ::read(fd.get(), bytes.data(), bytes.size());
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "";
}

std::string content(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A relay of a pipe to a place; `turn` lets it work until it waits.
struct Relayed {
    explicit Relayed(std::unique_ptr<OutputPlace> place) {
        auto made = OutputRelay::make(io, std::move(ends.read), std::move(place));
        REQUIRE(made);
        relay = std::move(*made);
    }
    void turn() {
        io.restart();
        io.poll();
    }
    void until_passed() { // the moment for which a line may stand still
        io.restart();
        while (io.run_one_for(std::chrono::milliseconds(500)) > 0) {
        }
    }
    boost::asio::io_context io{1};
    Ends ends = make_pipe();
    std::unique_ptr<OutputRelay> relay;
};

struct Prefixed {
    Ends ours = make_pipe();
    boost::asio::io_context io{1};
    ErrorSink sink{io, ours.write.get()};
    PrefixPlace place{sink, "web.2 | "};
};

std::string entry(const std::string& stream, const std::string& message) {
    return R"({"_STREAM_ID":")" + stream + R"(","MESSAGE":)" + message + "}\n";
}

} // namespace

TEST_CASE("each line gets its worker's name, an empty one and one without an end too") {
    Prefixed out;
    CHECK(out.place.pass("one\n\ntwo", -1) == 8);
    CHECK(take(out.ours.read) == "web.2 | one\nweb.2 | \nweb.2 | two\n");
}

TEST_CASE("a line that a full terminal took in part is gone on with where it was cut") {
    Prefixed out;
    std::string expected;
    std::string sent;
    for (int i = 0; i < 10'000; ++i) {
        const std::string line = "line " + std::to_string(i) + std::string(50, '.') + "\n";
        sent += line;
        expected += "web.2 | " + line;
    }
    std::string got;
    std::string_view rest = sent;
    while (!rest.empty()) {
        const auto passed = out.place.pass(rest, -1);
        REQUIRE((passed == rest.size() || passed == 0 || rest[passed - 1] == '\n'));
        rest.remove_prefix(passed);
        got += take(out.ours.read);
    }
    CHECK(got == expected);
}

TEST_CASE("neighbours have other colours, and none where none are wanted") {
    CHECK(make_prefix("web", 2, 7, false) == "web.2 | ");
    CHECK(make_prefix("web", 2, 7, true) != make_prefix("web", 2, 8, true));
    CHECK(make_prefix("web", 2, 7, true).find("web.2 | \x1b[0m") != std::string::npos);
}

TEST_CASE("a line that has only begun waits for its end, and not for ever") {
    Ends ours = make_pipe();
    boost::asio::io_context unused(1);
    ErrorSink sink(unused, ours.write.get());
    Relayed relayed(std::make_unique<PrefixPlace>(sink, "web.0 | "));
    put(relayed.ends.write, "whole\nbeg");
    relayed.turn();
    CHECK(take(ours.read) == "web.0 | whole\n");
    put(relayed.ends.write, "un\n");
    relayed.until_passed();
    CHECK(take(ours.read) == "web.0 | begun\n");
    put(relayed.ends.write, "password: ");
    relayed.until_passed();
    CHECK(take(ours.read) == "web.0 | password: \n");
}

TEST_CASE("a line of more than 16 KiB is passed on in pieces") {
    Ends ours = make_pipe();
    boost::asio::io_context unused(1);
    ErrorSink sink(unused, ours.write.get());
    Relayed relayed(std::make_unique<PrefixPlace>(sink, "web.0 | "));
    put(relayed.ends.write, std::string(20'000, 'x'));
    relayed.turn();
    CHECK(take(ours.read) == "web.0 | " + std::string(20'000, 'x') + "\n");
}

TEST_CASE("what was looked at is still in the pipe, and what was moved is not") {
    const svc::test::TemporaryDirectory directory;
    Ends ends = make_pipe();
    put(ends.write, "one\ntwo\n");
    ::fcntl(ends.read.get(), F_SETFL, O_NONBLOCK);
    std::array<char, 100> seen{};
    for (int look = 0; look < 2; ++look) {
        const auto count = os::peek_pipe(ends.read.get(), seen);
        REQUIRE(count);
        CHECK(std::string_view(seen.data(), count->value_or(0)) == "one\ntwo\n");
    }
    const UniqueFd file(::open((directory / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    CHECK(os::move_to_end(ends.read.get(), file.get(), 4).value() == 4);
    CHECK(content(directory / "log") == "one\n");
    CHECK(take(ends.read) == "two\n");
}

TEST_CASE("a log file goes on in the file that has its name after a rename and reopen()") {
    const svc::test::TemporaryDirectory directory;
    const std::string path = directory / "log";
    std::vector<std::string> told;
    LogFile log(path, 0640, [&](const std::string& text) { told.push_back(text); });
    log.write("one\n", -1);
    REQUIRE(::rename(path.c_str(), (path + ".1").c_str()) == 0);
    log.write("two\n", -1);
    log.reopen();
    log.write("three\n", -1);
    CHECK(content(path + ".1") == "one\ntwo\n");
    CHECK(content(path) == "three\n");
    CHECK(told.empty());
    // What was there before is appended to.
    LogFile again(path, 0640, [](const std::string&) {});
    again.write("four\n", -1);
    CHECK(content(path) == "three\nfour\n");
}

TEST_CASE("a reopen() that cannot open a file goes on with the one that is open") {
    const svc::test::TemporaryDirectory directory;
    const std::string path = directory / "log";
    std::vector<std::string> told;
    LogFile log(path, 0640, [&](const std::string& text) { told.push_back(text); });
    REQUIRE(::rename(path.c_str(), (path + ".1").c_str()) == 0);
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    log.reopen();
    log.write("one\n", -1);
    CHECK(content(path + ".1") == "one\n");
    REQUIRE(told.size() == 1);
    CHECK(told[0].find("the file that was open until now goes on") != std::string::npos);
}

TEST_CASE("what cannot be written is dropped, and told once with its end") {
    std::vector<std::string> told;
    // Whoever writes to /dev/full has no regular file; a limit of the file's size is like a full disk.
    const svc::test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/missing/log";
    LogFile log(path, 0640, [&](const std::string& text) { told.push_back(text); });
    log.write("one\n", -1);
    log.write("two\n", -1);
    CHECK(told.size() == 1);
    REQUIRE(::mkdir((directory.path() + "/missing").c_str(), 0700) == 0);
    log.reopen();
    log.write("three\n", -1);
    CHECK(content(path) == "three\n");
    REQUIRE(told.size() == 2);
    CHECK(told[1] == path + " is written again; 8 bytes are missing in it");
}

TEST_CASE("the last lines are those of the stream that ends with the line that we wrote") {
    const std::string last = "svcd: r7-2 (process 9): exit status 3";
    const std::string answer = entry("old", R"("of an earlier worker")") +
                               entry("new", R"("one")") + entry("new", "[116,119,111,255]") +
                               entry("new", '"' + last + '"');
    CHECK(find_last_lines(answer, last) == std::vector<std::string>{"one", "two?"});
    CHECK(find_last_lines(entry("new", '"' + last + '"'), last) == std::vector<std::string>{});
}

TEST_CASE("what others write behind that line is not its own") {
    const std::string last = "svcd: r7-2 (process 9): exit status 3";
    const std::string answer = entry("new", R"("one")") + entry("new", '"' + last + '"') +
                               entry("new", R"("a descendant's")") + entry("later", R"("two")");
    CHECK(find_last_lines(answer, last) == std::vector<std::string>{"one"});
}

TEST_CASE("an answer without that line is not complete yet") {
    CHECK(!find_last_lines("", "svcd: ended"));
    CHECK(!find_last_lines(entry("new", R"("one")"), "svcd: ended"));
    CHECK(!find_last_lines("no entry at all\n[]\n{}\n", "svcd: ended"));
}
