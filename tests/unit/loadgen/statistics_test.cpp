#include "loadgen/statistics.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using svc::Duration;
using svc::Instant;
using svc::loadgen::Failure;
using svc::loadgen::Kind;
using svc::loadgen::Statistics;

namespace {

Instant at(Duration since_start) {
    return Instant(1000s) + since_start;
}

std::uint64_t inside(const Statistics& statistics) {
    return statistics.groups().size() < 2 ? 0 : statistics.groups()[1].tallies[0].total();
}

} // namespace

TEST_CASE("a request belongs to a window that any part of its life lies in") {
    Statistics statistics;
    statistics.success(Kind::fresh, at(0s), at(1s)); // before
    REQUIRE(statistics.mark("reload", at(10s)).ok());
    statistics.success(Kind::fresh, at(9s), at(11s)); // ends inside
    statistics.success(Kind::fresh, at(12s), at(13s));
    statistics.unmark(at(14s));
    statistics.success(Kind::fresh, at(13s), at(15s)); // began inside
    statistics.success(Kind::fresh, at(8s), at(16s));  // spans it
    statistics.success(Kind::fresh, at(15s), at(16s)); // after
    CHECK(inside(statistics) == 4);
    CHECK(statistics.outside().tallies[0].total() == 2);
    CHECK(statistics.windows().front().requests == 4);
    CHECK(statistics.windows().front().slowest == 8s);
}

TEST_CASE("windows of one name are counted together and listed apart") {
    Statistics statistics;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(statistics.mark("reload", at(i * 10s)).ok());
        statistics.success(Kind::fresh, at(i * 10s), at(i * 10s + 1s));
    }
    CHECK(statistics.groups().size() == 2);
    CHECK(inside(statistics) == 3);
    REQUIRE(statistics.windows().size() == 3);
    CHECK(statistics.windows()[0].end == at(10s)); // the next mark ends the one before
}

TEST_CASE("the keep-alive close race is counted, but not as a lost request") {
    Statistics statistics;
    REQUIRE(statistics.mark("reload", at(0s)).ok());
    statistics.failure(Kind::keep_alive, at(0s), at(1s), Failure::idle_close_race, "end of file");
    statistics.failure(Kind::keep_alive, at(0s), at(1s), Failure::refused, "");
    const auto& tally = statistics.groups()[1].tallies[1];
    CHECK(tally.total() == 2);
    CHECK(tally.lost() == 1);
    CHECK(tally.latency.count() == 0);
    CHECK(statistics.windows()[0].requests == 2);
    CHECK(statistics.windows()[0].lost == 1);
}

TEST_CASE("new and keep-alive connections are counted apart") {
    Statistics statistics;
    statistics.success(Kind::fresh, at(0s), at(1s));
    statistics.success(Kind::keep_alive, at(0s), at(2s));
    statistics.success(Kind::keep_alive, at(0s), at(3s));
    CHECK(statistics.all()[0].succeeded == 1);
    CHECK(statistics.all()[1].succeeded == 2);
    CHECK(statistics.all()[1].latency.max() == 3s);
}

TEST_CASE("names and numbers of windows are bounded") {
    Statistics statistics;
    CHECK_FALSE(statistics.mark("\"quoted\"", at(0s)).ok());
    CHECK_FALSE(statistics.mark("", at(0s)).ok());
    for (std::size_t i = 0; i < Statistics::most_names; ++i)
        CHECK(statistics.mark("w" + std::to_string(i), at(1s)).ok());
    CHECK_FALSE(statistics.mark("one-too-many", at(2s)).ok());
    CHECK(statistics.mark("w3", at(2s)).ok());
    CHECK(statistics.groups().size() == Statistics::most_names + 1);
}

TEST_CASE("the samples of failures are bounded and printable") {
    Statistics statistics;
    for (int i = 0; i < 1000; ++i)
        statistics.failure(Kind::fresh, at(0s), at(1s), Failure::bad_response, "\x1b[31m");
    CHECK(statistics.samples().size() <= 20);
    CHECK(statistics.samples()[0].text.find('\x1b') == std::string::npos);
}
