#include "svc/draw/render.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <limits>

using namespace svc;
using namespace svc::cli;
using namespace svc::wire;

namespace {

struct Utc {
    Utc() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
} const utc;

constexpr std::int64_t second = 1'000'000;

Timeline replaced() {
    Timeline timeline;
    timeline.revision = 8;
    timeline.from = 7;
    timeline.began_us = 1'795'313'289 * second;
    timeline.strategy = "rolling";
    timeline.result = "complete";
    timeline.length_us = 2 * second;
    timeline.until_us = 4 * second;
    WorkerTrack old{.name = "r7-0", .revision = 7, .replica = 0, .launched_us = -9 * second};
    old.ready_us = old.available_us = -8 * second;
    old.drain_us = old.stop_us = 2 * second;
    old.ended_us = 4 * second;
    old.ended = "exit status 0";
    WorkerTrack fresh{.name = "r8-0", .revision = 8, .replica = 0, .launched_us = 0};
    fresh.ready_us = second;
    fresh.available_us = 2 * second;
    timeline.workers = {old, fresh};
    return timeline;
}

Terminal plain(std::size_t width) {
    return {.width = width, .utf8 = false};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a timeline is a row a worker over an axis of time") {
    CHECK(render_timeline(replaced(), plain(62)) ==
          "revision 8 from 7 (rolling): complete after 2.0s, began 2026-11-22 02:08:09\n"
          "r7-0  ====================~~~~~~~~~~~~~~~~~~~|  exit status 0\n"
          "r8-0  ..........----------====================\n"
          "      |0s       |1s       |2s       |3s\n"
          ". starting   - ready   = available   ~ draining   | stopped\n"
          "the last old worker was gone after 4.0s\n");
}

TEST_CASE("a locale with UTF-8 has blocks, a terminal has colors") {
    Terminal terminal{.interactive = true, .color = true, .width = 41, .height = 24};
    const auto lines = lines_of(render_timeline(replaced(), terminal));
    CHECK(lines[1] == "r7-0  \x1b[32m█████████████████\x1b[0m\x1b[2m▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\x1b[0m"
                      "\x1b[2m│\x1b[0m");
    CHECK(lines[2].starts_with("r8-0  \x1b[33m░"));
}

TEST_CASE("no row is wider than the terminal, from very narrow ones on") {
    Timeline timeline = replaced();
    timeline.workers[0].ended = "killed by SIGSEGV (core dumped), and a word more than fits";
    for (std::size_t width = 18; width < 200; ++width) {
        CAPTURE(width);
        const auto lines = lines_of(render_timeline(timeline, plain(width)));
        for (std::size_t row = 1; row <= 3; ++row)
            CHECK(columns_of(lines[row]) < width);
    }
}

TEST_CASE("a worker that lived for a moment is seen, and how it ended") {
    Timeline timeline = replaced();
    WorkerTrack failed{.name = "r8-0.1", .revision = 8, .replica = 0, .launched_us = second};
    failed.ended_us = second + 3;
    failed.ended = "exit status 1";
    failed.failed = true;
    timeline.workers.push_back(failed);
    const std::string text = render_timeline(timeline, plain(64));
    CHECK(has(text, "r8-0.1            X                               exit status 1\n"));
    CHECK(has(text, "X ended by itself"));
}

TEST_CASE("rows stand by replica, the older worker first") {
    Timeline timeline = replaced();
    WorkerTrack other{.name = "r7-1", .revision = 7, .replica = 1, .launched_us = -second};
    timeline.workers.insert(timeline.workers.begin(), other);
    const auto lines = lines_of(render_timeline(timeline, plain(80)));
    CHECK(lines[1].starts_with("r7-0"));
    CHECK(lines[2].starts_with("r8-0"));
    CHECK(lines[3].starts_with("r7-1"));
}

TEST_CASE("one under way says so, as do steps, what was cut and why it failed") {
    Timeline timeline = replaced();
    timeline.result = "in progress";
    timeline.open = true;
    timeline.length_us = 3100 * 1000;
    timeline.marks = {{1'500'000, "revision 8: canary step 1 of 2 is reached"}};
    timeline.cut = 12;
    const std::string text = render_timeline(timeline, plain(80));
    CHECK(has(text, "in progress, 3.1s so far"));
    CHECK(has(text, "\nat 1.5s: revision 8: canary step 1 of 2 is reached\n"));
    CHECK(has(text, "\ncut: 12 more workers or notes had no room in the record\n"));
    CHECK_FALSE(has(text, "old worker"));
    timeline.result = "rolled back";
    timeline.reason = "r8-0: exit \x1b[2J";
    CHECK(has(render_timeline(timeline, plain(80)), "\n  r8-0: exit ?[2J\n"));
    CHECK(has(render_timeline(timeline, plain(80)), "old workers are still on their way out\n"));
}

TEST_CASE("the axis suits what it measures") {
    Timeline timeline = replaced();
    const auto axis = [&](std::int64_t length) {
        timeline.length_us = timeline.until_us = length;
        timeline.workers = {WorkerTrack{.name = "r8-0"}};
        return lines_of(render_timeline(timeline, plain(47)))[2];
    };
    CHECK(axis(3000) == "      |0ms         |1ms         |2ms");
    CHECK(axis(40'000) == "      |0ms      |10ms     |20ms     |30ms");
    CHECK(axis(2'000'000) == "      |0.0s     |0.5s     |1.0s     |1.5s");
    CHECK(axis(240 * second) == "      |0s       |1m       |2m       |3m");
    CHECK(axis(2 * 86'400 * second) == "      |0s       |12h      |1d       |1d12h");
}

TEST_CASE("a record that makes no sense is drawn all the same") {
    Timeline timeline = replaced();
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
    timeline.workers[0].drain_us = smallest;
    timeline.workers[0].ended_us = largest;
    timeline.workers[1].ready_us = smallest;
    timeline.workers[1].available_us = largest;
    for (const auto length : {smallest, std::int64_t{0}, std::int64_t{1}, largest}) {
        timeline.length_us = timeline.until_us = length;
        CHECK(lines_of(render_timeline(timeline, plain(80))).size() >= 4);
    }
    timeline.workers.clear();
    CHECK(has(render_timeline(timeline, plain(80)), "no worker was there\n"));
}

TEST_CASE("the locale says whether there is UTF-8") {
    CHECK(locale_is_utf8(nullptr, nullptr, "de_DE.UTF-8"));
    CHECK(locale_is_utf8("", "C.utf8", "C"));
    CHECK_FALSE(locale_is_utf8("C", "C.utf8", "C.utf8"));
    CHECK_FALSE(locale_is_utf8(nullptr, nullptr, nullptr));
}
