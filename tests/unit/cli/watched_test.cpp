#include "svc/draw/watched.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;
using namespace svc::wire;
using namespace std::chrono_literals;

namespace {

constexpr Instant then{100s};
using Lines = std::vector<std::string>;

Terminal terminal(std::size_t width, std::size_t height) {
    return {.interactive = true, .width = width, .height = height};
}

WorkerProgress worker(std::string name, std::uint64_t revision, std::uint32_t replica,
                      std::string state) {
    return {.name = std::move(name),
            .revision = revision,
            .replica = replica,
            .state = std::move(state)};
}

Progress progress(std::vector<WorkerProgress> workers) {
    return {.state = "progressing",
            .from = 6,
            .step = "rolling",
            .revision = 7,
            .text = "r7-0 is launched",
            .updated = 0,
            .available = 2,
            .replicas = 2,
            .worker_list = std::move(workers)};
}

Watched two_replicas() {
    WorkerProgress draining = worker("r6-0", 6, 0, "stopping");
    draining.waits_for = "stop signal sent";
    draining.left_us = 30'000'000;
    draining.length_us = 40'000'000;
    draining.note = "3 requests\tin flight";
    WorkerProgress serving = worker("r6-1", 6, 1, "available");
    serving.since_us = 720'000'000;
    WorkerProgress starting = worker("r7-0", 7, 0, "starting");
    starting.waits_for = "readiness";
    starting.left_us = 59'500'000;
    Watched watched;
    watched.learn(progress({serving, starting, draining}), then);
    return watched;
}

std::string many(const Watched& watched, std::size_t height) {
    std::string text;
    for (const auto& line : draw_watched(watched, "reload web 1.0s", then, terminal(60, height)))
        text += line + '\n';
    return text;
}

} // namespace

TEST_CASE("a line a worker says what it is at and what it waits for, as time goes by") {
    CHECK(draw_watched(two_replicas(), "reload web 3.2s", then + 2s, terminal(80, 24)) ==
          Lines{"reload web 3.2s: revision 6 → 7 (rolling): 0 of 2 updated, 2 available",
                "  r6-0  stopping   ▕███▉         ▏  28s left     stop signal sent  3 requests …",
                "  r7-0  starting                    58s left     readiness",
                "  r6-1  available                   for 12m2s", "r7-0 is launched"});
    // A narrow terminal loses the bars first.
    CHECK(draw_watched(two_replicas(), "reload web 3.2s", then + 2s, terminal(60, 24)) ==
          Lines{"reload web 3.2s: 6 → 7 (rolling): 0/2 updated, 2 available",
                "  r6-0  stopping   28s left  stop signal sent  3 requests …",
                "  r7-0  starting   58s left  readiness", "  r6-1  available  for 12m2s",
                "r7-0 is launched"});
    Terminal plain = terminal(80, 24);
    plain.utf8 = false;
    CHECK(draw_watched(two_replicas(), "reload web 3.2s", then + 2s, plain)[1] ==
          "  r6-0  stopping   [###..........]  28s left     stop signal sent  3 requests …");
}

TEST_CASE("no line is wider than the terminal, whatever the characters") {
    Watched watched = two_replicas();
    WorkerProgress wide = worker("r7-1", 7, 1, "available");
    wide.note = "日本語日本語日本語日本語日本語日本語";
    watched.learn(progress({wide}), then);
    for (std::size_t width = 1; width <= 90; ++width) {
        CAPTURE(width);
        for (const auto& line : draw_watched(watched, "reload web 3.2s", then, terminal(width, 24)))
            CHECK(columns_of(line) <= std::max<std::size_t>(width, 2) - 1);
    }
}

TEST_CASE("colors do not count as columns, and none is cut") {
    Terminal colored = terminal(30, 24);
    colored.color = true;
    const auto lines = draw_watched(two_replicas(), "reload web", then, colored);
    CHECK(lines[1] == "  r6-0  \x1b[33mstopping\x1b[0m   30s left …");
}

TEST_CASE("the least interesting workers have no line where there is no room") {
    std::vector<WorkerProgress> all;
    for (std::uint32_t replica = 0; replica < 40; ++replica)
        all.push_back(worker("r6-" + std::to_string(replica), 6, replica, "available"));
    all.push_back(worker("r7-3", 7, 3, "starting"));
    WorkerProgress failed = worker("r7-9", 7, 9, "gone");
    failed.failed = true;
    failed.note = "exit status 1";
    all.push_back(failed);
    all.push_back(worker("r6-39", 6, 39, "killing"));
    Watched watched;
    watched.learn(progress(all), then);
    CHECK(many(watched, 8) == "reload web 1.0s: 6 → 7 (rolling): 0/2 updated, 2 available\n"
                              "  r6-0   available  for 0s\n"
                              "  r7-3   starting   for 0s\n"
                              "  r7-9   failed     exit status 1\n"
                              "  r6-39  killing    for 0s\n"
                              "  … and 38 more: 38 available\n"
                              "r7-0 is launched\n");
    for (std::size_t height = 1; height < 60; ++height) {
        const auto lines = draw_watched(watched, "reload web", then, terminal(60, height));
        CHECK(lines.size() <= std::max<std::size_t>(height, 2) - 1);
        CHECK_FALSE(lines.empty());
    }
}

TEST_CASE("a worker that is gone makes way for the next one of its revision") {
    Watched watched;
    watched.learn(progress({worker("r7-0", 7, 0, "starting"), worker("r6-0", 6, 0, "available")}),
                  then);
    watched.learn(progress({worker("r7-0", 7, 0, "gone")}), then);
    CHECK(watched.workers().contains("r7-0"));
    watched.learn(progress({worker("r7-0.1", 7, 0, "starting")}), then);
    CHECK_FALSE(watched.workers().contains("r7-0"));
    CHECK(watched.workers().size() == 2);
}

TEST_CASE("what happened last stays when only workers have news") {
    Watched watched = two_replicas();
    Progress quiet = progress({});
    quiet.text.clear();
    watched.learn(quiet, then);
    CHECK(watched.last().text == "r7-0 is launched");
}

TEST_CASE("what happened last is told for as long as it is news, and what is so as long as it is") {
    Watched watched = two_replicas();
    CHECK(watched.news(then + 4s) == "r7-0 is launched");
    CHECK(watched.news(then + 5s).empty());
    CHECK(draw_watched(watched, "reload web", then + 4s, terminal(80, 24)).size() == 5);
    CHECK(draw_watched(watched, "reload web", then + 5s, terminal(80, 24)).size() == 4);
    watched.say("(the supervisor has ended)");
    CHECK(watched.news(then + 1000s) == "(the supervisor has ended)");
    Progress quiet = progress({});
    quiet.text.clear();
    watched.learn(quiet, then + 1000s);
    CHECK(watched.news(then + 1000s).empty());
}

TEST_CASE("the last drawing has no news and, where no bar is, no room for one") {
    const auto last = [](const Watched& watched) {
        return draw_watched(watched, "reload web", then, terminal(80, 24), true);
    };
    CHECK(last(two_replicas()) ==
          Lines{"reload web: revision 6 → 7 (rolling): 0 of 2 updated, 2 available",
                "  r6-0  stopping   ▕███▎         ▏  30s left     stop signal "
                "sent  3 requests …",
                "  r7-0  starting                    1m left      readiness",
                "  r6-1  available                   for 12m"});
    Watched over;
    over.learn(progress({worker("r7-0", 7, 0, "available")}), then);
    CHECK(last(over)[1] == "  r7-0  available  for 0s");
}

TEST_CASE("a drain shows its connections once they were looked at, and nothing else does") {
    Watched watched = two_replicas();
    REQUIRE(watched.drains());
    const auto counted = [](std::string name, std::uint64_t connections) {
        WorkerStatus status;
        status.name = std::move(name);
        status.connections = connections;
        return status;
    };
    watched.count({counted("r6-0", 12), counted("r6-1", 3), counted("r9-0", 1)});
    const auto drawn = [&] {
        std::string all;
        for (const auto& line : draw_watched(watched, "reload web", then, terminal(100, 20)))
            all += line + '\n';
        return all;
    };
    const std::string text = drawn();
    CAPTURE(text);
    CHECK(text.find("30s left     stop signal sent, 12 connections") != std::string::npos);
    CHECK(text.find("3 connections") == std::string::npos);
    watched.count({counted("r6-0", 1)});
    CHECK(drawn().find("sent, 1 connection") != std::string::npos);

    WorkerProgress waiting = worker("r6-0", 6, 0, "draining");
    waiting.waits_for = "12 connections";
    waiting.left_us = 5'000'000;
    watched.learn(progress({waiting}), then);
    watched.count({counted("r6-0", 11)});
    CHECK(drawn().find("5s left      12 connections") != std::string::npos);

    WorkerProgress gone = worker("r6-0", 6, 0, "gone");
    watched.learn(progress({gone}), then);
    CHECK_FALSE(watched.drains());
}

TEST_CASE("a hold of the rollout has a row of its own, with a bar as long as it lasts") {
    Watched watched;
    Progress held = progress({worker("r7-0", 7, 0, "available")});
    held.state = "held";
    held.waits_for = "the end of its hold";
    held.left_us = 10'000'000;
    held.length_us = 10'000'000;
    watched.learn(held, then);
    CHECK(draw_watched(watched, "reload web", then + 5s, terminal(80, 24))[1] ==
          "  rollout  held       ▕█████     ▏  5s left      the end of its hold");
    held.left_us = held.length_us = 0;
    held.waits_for = "svc promote";
    watched.learn(held, then);
    CHECK(draw_watched(watched, "reload web", then + 5s, terminal(60, 24))[1] ==
          "  rollout  held       svc promote");
    for (std::size_t height = 1; height < 6; ++height)
        CHECK(draw_watched(watched, "reload", then, terminal(60, height)).size() <=
              std::max<std::size_t>(height, 2) - 1);
}
