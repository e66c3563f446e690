#include "svcd/front/service_manager.h"

#include "os/clock.h"
#include "os/listener_socket.h"
#include "svcd/front/manager_job.h"

#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <doctest/doctest.h>
#include <unistd.h>

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

/// What a service manager hears, and we are told to reach it by.
class Manager {
public:
    Manager() {
        const std::string name = "@svc-manager-test-" + std::to_string(::getpid());
        auto opened = os::open_listener(*parse_address("unix-dgram:" + name), {});
        REQUIRE(opened.ok());
        fd_ = std::move(*opened);
        REQUIRE(::setenv("NOTIFY_SOCKET", name.c_str(), 1) == 0);
        socket = std::make_shared<const os::ManagerSocket>(os::ManagerSocket::take());
    }

    std::vector<std::string> heard() {
        std::vector<std::string> all;
        for (;;) {
            auto datagram = os::receive_datagram(fd_.get());
            if (!datagram || !*datagram)
                return all;
            all.push_back((*datagram)->bytes);
        }
    }

    std::shared_ptr<const os::ManagerSocket> socket;

private:
    UniqueFd fd_;
};

} // namespace

TEST_CASE(
    "a watchdog is answered at once and at half of its interval, for as long as the loop turns") {
    using std::chrono::milliseconds;
    Manager manager;
    boost::asio::io_context io;
    const ServiceManager speaker(io.get_executor(), manager.socket, milliseconds(40));
    CHECK(manager.heard() == std::vector<std::string>{"WATCHDOG=1"});
    std::size_t count = 0;
    const Instant began = os::now();
    while (count < 5 && os::now() - began < std::chrono::seconds(20)) {
        io.run_one();
        count += manager.heard().size();
    }
    CHECK(count == 5);
    CHECK(os::now() - began >= milliseconds(5 * 20));
}

TEST_CASE("without a watchdog, or a manager, no timer runs") {
    Manager manager;
    boost::asio::io_context io;
    const ServiceManager unwatched(io.get_executor(), manager.socket);
    ::unsetenv("NOTIFY_SOCKET");
    const ServiceManager alone(io.get_executor(),
                               std::make_shared<const os::ManagerSocket>(os::ManagerSocket::take()),
                               std::chrono::milliseconds(1));
    CHECK(io.run() == 0);
    CHECK(manager.heard().empty());
}

TEST_CASE(
    "a HUP that changes nothing is a reload that has ended, but not before the service is ready") {
    Manager manager;
    boost::asio::io_context io;
    ServiceManager speaker(io.get_executor(), manager.socket);
    speaker.update(booting(), start);
    manager.heard();
    speaker.reload_was_nothing(start);
    CHECK(manager.heard().empty());
    speaker.update(running(), start);
    manager.heard();
    speaker.reload_was_nothing(start);
    CHECK(manager.heard() ==
          std::vector<std::string>{"RELOADING=1\nMONOTONIC_USEC=3600000000", "READY=1"});
}

TEST_CASE(
    "of the manager's jobs, a start behind a stop is a restart, and another unit's say nothing") {
    const std::string stop = "12 svcd@web.service stop running\n";
    const std::string start = "13 svcd@web.service start waiting\n";
    CHECK(find_job(stop, "svcd@web.service") == UnitJob::stop);
    CHECK(find_job(stop + start, "svcd@web.service") == UnitJob::start);
    CHECK(find_job(start + stop, "svcd@web.service") == UnitJob::start);
    CHECK(find_job("14 svcd@web.service restart running\n", "svcd@web.service") == UnitJob::start);
    CHECK(find_job("15 svcd@web.service reload running\n", "svcd@web.service") == UnitJob::none);
    CHECK(find_job(stop, "svcd@shop.service") == UnitJob::none);
    CHECK(find_job("", "svcd@web.service") == UnitJob::none);
}

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
