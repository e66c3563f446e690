#include "svcd/front/service_manager.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;

namespace {

constexpr Instant start{std::chrono::hours(1)};

rollout::State booting() {
    rollout::State state;
    state.service = "web";
    rollout::Revision first;
    first.number = 1;
    state.revisions.emplace(1, first);
    state.rollout = rollout::Rollout{.to = 1, .began = start, .progressed = start};
    return state;
}

rollout::State running() {
    rollout::State state = booting();
    state.rollout.reset();
    state.current = 1;
    return state;
}

bool has(const std::string& lines, const std::string& line) {
    return ("\n" + lines + "\n").find("\n" + line + "\n") != std::string::npos;
}

bool has_start_of(const std::string& lines, const std::string& line) {
    return ("\n" + lines).find("\n" + line) != std::string::npos;
}

rollout::Worker draining_for(Duration grace) {
    rollout::Worker worker;
    worker.id = 1;
    worker.revision = 1;
    worker.phase = rollout::WorkerPhase::stopping;
    worker.drain_began = start;
    worker.stop_deadline = start + grace;
    return worker;
}

} // namespace

TEST_CASE("READY=1 comes when the first rollout is complete, not before and not twice") {
    ManagerStory story;
    CHECK_FALSE(has(story.next(booting(), start), "READY=1"));
    CHECK(has(story.next(running(), start), "READY=1"));
    CHECK_FALSE(has(story.next(running(), start), "READY=1"));
}

TEST_CASE("a rollout is a reload, with the time of its beginning, and READY=1 ends it") {
    ManagerStory story;
    story.next(running(), start);
    auto reloading = running();
    reloading.rollout = rollout::Rollout{.from = 1, .to = 1, .began = start, .progressed = start};
    const auto lines = story.next(reloading, start);
    CHECK(has(lines, "RELOADING=1"));
    CHECK(has(lines, "MONOTONIC_USEC=3600000000"));
    CHECK_FALSE(has(story.next(reloading, start), "RELOADING=1"));
    CHECK(has(story.next(running(), start), "READY=1"));
}

TEST_CASE("STOPPING=1 is sent once and nothing about readiness after it") {
    ManagerStory story;
    story.next(running(), start);
    auto stopping = running();
    stopping.wanted = rollout::Wanted::stop;
    CHECK(has(story.next(stopping, start), "STOPPING=1"));
    stopping.rollout = rollout::Rollout{.from = 1, .to = 1};
    const auto after = story.next(stopping, start);
    CHECK_FALSE(has(after, "STOPPING=1"));
    CHECK_FALSE(has(after, "RELOADING=1"));
    CHECK_FALSE(has(story.next(running(), start), "READY=1"));
}

TEST_CASE("a boot asks for the time that its deadline allows, and again only if that moves") {
    ManagerStory story;
    auto state = booting();
    CHECK(has_start_of(story.next(state, start), "EXTEND_TIMEOUT_USEC="));
    CHECK_FALSE(has_start_of(story.next(state, start), "EXTEND_TIMEOUT_USEC="));
    state.rollout->progressed += std::chrono::minutes(1);
    CHECK(has_start_of(story.next(state, start), "EXTEND_TIMEOUT_USEC="));
}

TEST_CASE("a drain asks for time up to the end of its grace") {
    ManagerStory story;
    story.next(running(), start);
    auto state = running();
    state.wanted = rollout::Wanted::stop;
    state.workers.emplace(1, draining_for(std::chrono::minutes(5)));
    CHECK(has(story.next(state, start), "EXTEND_TIMEOUT_USEC=310000000"));
}

TEST_CASE("a stop in the middle of a rollout asks for the time of its drain anew") {
    ManagerStory story;
    story.next(running(), start);
    auto state = running();
    state.rollout = rollout::Rollout{.from = 1, .to = 1, .began = start, .progressed = start};
    story.next(state, start); // the rollout's deadline is later than the drain's will be
    state.rollout.reset();
    state.wanted = rollout::Wanted::stop;
    state.workers.emplace(1, draining_for(std::chrono::seconds(30)));
    CHECK(has(story.next(state, start), "EXTEND_TIMEOUT_USEC=40000000"));
}

TEST_CASE("STATUS= is sent when the summary changes and not otherwise") {
    ManagerStory story;
    CHECK(has_start_of(story.next(booting(), start), "STATUS="));
    CHECK_FALSE(has_start_of(story.next(booting(), start), "STATUS="));
    CHECK(has_start_of(story.next(running(), start), "STATUS="));
}

TEST_CASE("a rollout that is paused or held is no reload that the manager waits for") {
    ManagerStory story;
    story.next(running(), start);
    auto state = running();
    state.rollout = rollout::Rollout{.from = 1, .to = 1, .began = start, .progressed = start};
    CHECK(has_start_of(story.next(state, start), "RELOADING=1"));
    state.rollout->paused_at = start;
    CHECK(has_start_of(story.next(state, start), "READY=1"));
    CHECK_FALSE(has_start_of(story.next(state, start), "READY=1"));
    state.rollout->paused_at.reset();
    CHECK(has_start_of(story.next(state, start), "RELOADING=1"));
    state.rollout.reset();
    CHECK(has_start_of(story.next(state, start), "READY=1"));
}
