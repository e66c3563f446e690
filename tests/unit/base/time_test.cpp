#include "base/time.h"

#include <doctest/doctest.h>

#include <random>

using namespace std::chrono_literals;
using svc::Duration;
using svc::format_duration;
using svc::format_rough;
using svc::parse_duration;

TEST_CASE("a duration is read with every unit") {
    CHECK(parse_duration("0").value() == 0s);
    CHECK(parse_duration("0s").value() == 0s);
    CHECK(parse_duration("30s").value() == 30s);
    CHECK(parse_duration("1m30s").value() == 90s);
    CHECK(parse_duration("250ms").value() == 250ms);
    CHECK(parse_duration("2h").value() == 2h);
    CHECK(parse_duration("1d").value() == 24h);
    CHECK(parse_duration("500us").value() == 500us);
    CHECK(parse_duration("1d2h3m4s5ms6us").value() == 24h + 2h + 3min + 4s + 5ms + 6us);
    CHECK(parse_duration("36500d").value() == 24h * 36500);
}

TEST_CASE("what is not a duration is refused") {
    for (const char* text : {"", "30", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "30S", "1w",
                             "30s1m", "1s1s", "1h30", "1sec", "1m30s!", "\xff", "1\xc3\xb6"}) {
        CAPTURE(std::string(text));
        CHECK_FALSE(parse_duration(text).ok());
    }
}

TEST_CASE("a duration over 100 years is refused, also where it would overflow") {
    for (const char* text : {"36501d", "36500d1us", "9223372036854775807us", "9223372036854775807d",
                             "99999999999999999999s"}) {
        CAPTURE(std::string(text));
        const auto parsed = parse_duration(text);
        REQUIRE_FALSE(parsed.ok());
        CHECK(parsed.error().message.find("100 years") != std::string::npos);
    }
}

TEST_CASE("a bare number is told that its unit is missing") {
    CHECK(parse_duration("30").error().message ==
          "\"30\" is not a duration: its unit is missing; write 30s, 1m30s or 250ms");
}

TEST_CASE("a duration is formatted without the units that are zero") {
    CHECK(format_duration(0s) == "0s");
    CHECK(format_duration(90s) == "1m30s");
    CHECK(format_duration(250ms) == "250ms");
    CHECK(format_duration(24h + 1us) == "1d1us");
    CHECK(format_duration(-1500ms) == "-1s500ms");
    CHECK(format_duration(Duration::min()).starts_with("-"));
}

TEST_CASE("every formatted duration reads back equal") {
    std::mt19937_64 random(20250101);
    for (int i = 0; i < 20'000; ++i) {
        const Duration value(static_cast<std::int64_t>(random() >> (random() % 40 + 13)));
        CAPTURE(value.count());
        const auto parsed = parse_duration(format_duration(value));
        REQUIRE(parsed.ok());
        CHECK(parsed.value() == value);
    }
}

TEST_CASE("a rough duration has two units at most") {
    CHECK(format_rough(0s) == "0s");
    CHECK(format_rough(500us) == "500us");
    CHECK(format_rough(250ms + 3us) == "250ms");
    CHECK(format_rough(2s + 900ms) == "2s");
    CHECK(format_rough(90s + 500ms) == "1m30s");
    CHECK(format_rough(1h) == "1h");
    CHECK(format_rough(3h + 12min + 59s) == "3h12m");
    CHECK(format_rough(5 * 24h + 4h + 59min) == "5d4h");
    CHECK(format_rough(-90s) == "-1m30s");
}
