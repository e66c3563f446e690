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
    CHECK(has(text, "\napi         not running\n"));
    CHECK(has(text, "\n  r6-0      stopping       1m5s        2   25.0   10M     12  stop signal"));
    CHECK(has(text, "\n  r7-0      available        4s        2      -   30M      3\n"));
    CHECK(has(text, "\n  svcd"));
    CHECK(has(text, "\nq quit  s sort: name"));
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

TEST_CASE("only lines that changed are written") {
    CHECK(FullScreen::difference({"a", "b", "c"}, {"a", "x"}) == "\x1b[2;1Hx\x1b[K\x1b[3;1H\x1b[K");
    CHECK(FullScreen::difference({"a"}, {"a"}).empty());
}
