#include "svc/draw/overview.h"
#include "svc/draw/top.h"
#include "svc/screen/full_screen.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;
using namespace std::chrono_literals;

namespace {

constexpr Instant then{100s};
const WallTime now{std::chrono::seconds(1'795'000'000)};

wire::ServiceStatus web(std::uint64_t cpu_us) {
    wire::ServiceStatus status;
    status.service = "web";
    status.summary = "rolling 6 → 7: 1/2 updated";
    status.revision = 6;
    status.revision_made_at_us = (now - 192s).time_since_epoch().count();
    status.replicas = status.available = 2;
    status.supervisor_pid = 4711;
    status.supervisor_memory = 6u << 20;
    status.supervisor_cpu_us = 1'000;
    status.rollout = {{.phase = "progressing", .from = 6, .to = 7}};
    status.workers = {{"r6-0",
                       6,
                       0,
                       "stopping",
                       10,
                       65'000'000,
                       "stop signal sent",
                       "",
                       10u << 20,
                       {},
                       12,
                       cpu_us},
                      {"r7-0", 7, 0, "available", 11, 4'000'000, "", "", 30u << 20, {}, 3, cpu_us}};
    status.replica_list = {{.index = 0, .restarts = 2}, {.index = 1}};
    return status;
}

TopModel two_looks() {
    const auto first = web(1'000'000);
    auto second = web(1'500'000);
    second.workers[1].pid = 12; // another process: what it used is its own
    TopModel model;
    model.learn({{"api", nullptr, {}, "not running"}, {"web", &first, then, {}}});
    model.learn({{"api", nullptr, {}, "not running"}, {"web", &second, then + 2s, {}}});
    return model;
}

std::string drawn(const TopModel& model, TopView& view, std::size_t width, std::size_t height) {
    std::string text;
    for (const auto& line :
         draw_top(model, view, 2s, now, {.interactive = true, .width = width, .height = height}))
        text += line + '\n';
    return text;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("top has a row a service and a row a worker, and what they use") {
    TopView view;
    const auto text = drawn(two_looks(), view, 100, 16);
    CAPTURE(text);
    CHECK(has(text, "2 services: 1 not running, 1 rolling out"));
    CHECK(has(text, "2 workers, CPU 25.0%, memory 46M, connections 15"));
    CHECK(has(text, "\napi       not running\n"));
    CHECK(has(text, "\n  r6-0    stopping       1m5s        2  25.0  10M    12  stop signal"));
    CHECK(has(text, "\n  r7-0    available        4s        2     -  30M     3\n"));
    CHECK(has(text, "\n  svcd"));
    CHECK(has(text, "\nq quit  s sort: name"));
}

TEST_CASE("what a service is about goes below it where there is no room beside it") {
    TopView view;
    CHECK(has(drawn(two_looks(), view, 100, 16), "  rolling 6 → 7: 1/2 updated\n  r6-0"));
    const auto text = drawn(two_looks(), view, 80, 16);
    CAPTURE(text);
    CHECK(has(text, "\n  └ rolling 6 → 7: 1/2 updated\n  r6-0"));
}

TEST_CASE("numbers that are larger than their columns move what follows, and are not cut") {
    auto status = web(0);
    status.workers[0].connections = 1'234'567;
    status.workers[0].age_us = 999 * 86'400'000'000 + 23 * 3'600'000'000;
    TopModel model;
    model.learn({{"web", &status, then, {}}});
    TopView view;
    const auto text = drawn(model, view, 100, 16);
    CAPTURE(text);
    CHECK(has(text, "999d23h        2     -  10M 1234567  stop signal sent"));
}

TEST_CASE("of a supervisor that does not answer nothing looks as if it were known") {
    const auto first = web(1'000'000);
    TopModel model;
    model.learn({{"web", &first, then, {}}});
    model.learn({{.name = "web",
                  .status = &first,
                  .at = then,
                  .problem = "does not answer",
                  .silent = 72s}});
    TopView view;
    const auto text = drawn(model, view, 100, 16);
    CAPTURE(text);
    CHECK(has(text, "0 workers, CPU -, memory -, connections -"));
    CHECK(has(text, "\nweb       does not answer; what follows is 1m12s old\n"));
    CHECK(has(text, "\n  r7-0    available        4s        2     -  30M     -\n"));
}

TEST_CASE("a rollout that is over is a problem for as long as it matters") {
    auto status = web(0);
    auto& rollout = status.rollout.front();
    rollout.phase = "rolled back";
    rollout.reason = "r7-0: exit status 3 before it was ready";
    rollout.ended_ago_us = 0;
    CHECK(problems_of(status) ==
          std::vector<std::string>{"revision 7 rolled back: " + rollout.reason});
    rollout.ended_ago_us = 3'599'000'000;
    CHECK(problems_of(status).size() == 1);
    rollout.ended_ago_us = 3'600'000'000;
    CHECK(problems_of(status).empty());
    rollout.ended_ago_us.reset(); // an older supervisor
    CHECK(problems_of(status).size() == 1);
    rollout.ended_ago_us = 0;
    rollout.reason = "aborted by uid 0";
    CHECK(problems_of(status).empty());
    status.available = 1; // what it was taken back to is not whole
    CHECK(problems_of(status).size() == 1);
}

TEST_CASE("top fills the terminal, whatever its size, and no line is as wide") {
    const auto model = two_looks();
    for (std::size_t width = 2; width < 120; width += 3)
        for (std::size_t height = 1; height < 20; ++height) {
            TopView view{.first = 100};
            const auto lines = draw_top(model, view, 2s, now,
                                        {.interactive = true, .width = width, .height = height});
            CHECK(lines.size() == height);
            for (const auto& line : lines)
                CHECK(columns_of(line) < width);
        }
}

TEST_CASE("keys scroll, sort, hide and end, and may come in pieces") {
    using Action = TopKeys::Action;
    TopKeys keys;
    TopView view;
    CHECK(keys.take("\x1b", view, 10) == Action::none);
    CHECK(keys.take("[B", view, 10) == Action::draw);
    CHECK(view.first == 1);
    CHECK(keys.take("\x1b[6~\x1b[A", view, 10) == Action::draw);
    CHECK(view.first == 10);
    CHECK(keys.take("\x1b[1;5Cx", view, 10) == Action::none);
    CHECK(keys.take("sc", view, 10) == Action::draw);
    CHECK(view.sort == TopSort::cpu);
    CHECK(view.collapsed);
    CHECK_FALSE(has(drawn(two_looks(), view, 100, 16), "r6-0"));
    CHECK(keys.take("q", view, 10) == Action::quit);
}

TEST_CASE("Escape by itself means nothing, and the key after it counts") {
    using Action = TopKeys::Action;
    for (const std::string_view after : {"q", "\x1bq", "\x1b\x1bq"}) {
        TopKeys keys;
        TopView view;
        CHECK(keys.take("\x1b", view, 10) == Action::none);
        CHECK(keys.take(after, view, 10) == Action::quit);
    }
    TopKeys keys;
    TopView view;
    CHECK(keys.take("\x1b\x1b[B", view, 10) == Action::draw);
    CHECK(view.first == 1);
}

TEST_CASE("only lines that changed are written") {
    CHECK(FullScreen::difference({"a", "b", "c"}, {"a", "x"}) == "\x1b[2;1Hx\x1b[K\x1b[3;1H\x1b[K");
    CHECK(FullScreen::difference({"a"}, {"a"}).empty());
}
