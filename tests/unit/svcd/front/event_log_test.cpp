#include "svcd/front/event_log.h"

#include "support.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace svc;
using namespace svc::daemon;
namespace asio = boost::asio;

namespace {
rollout::Event event(const std::string& text) {
    rollout::Event made;
    made.text = text;
    return made;
}
} // namespace

TEST_CASE("events are numbered from 1 and read from a cursor") {
    EventLog log;
    CHECK(log.after(0) == nullptr);
    log.append(event("one"), WallTime{});
    log.append(event("two"), WallTime{});
    REQUIRE(log.after(0) != nullptr);
    CHECK(log.after(0)->text == "one");
    CHECK(log.after(1)->text == "two");
    CHECK(log.after(2) == nullptr);
    CHECK(log.after(99) == nullptr);
    CHECK(log.newest() == 2);
}

TEST_CASE("the newest thousand are kept, and a late reader begins with the oldest of them") {
    EventLog log;
    for (int number = 1; number <= 1500; ++number)
        log.append(event(std::to_string(number)), WallTime{});
    CHECK(log.after(3)->sequence == 501);
    CHECK(log.after(1499)->text == "1500");
}

TEST_CASE("a notify before the wait is not lost, and one during it resumes from the loop") {
    asio::io_context io;
    Wakeup wakeup(io.get_executor());
    int woken = 0;
    auto sleeper = [&]() -> asio::awaitable<void> {
        for (;;) {
            co_await wakeup.wait();
            ++woken;
        }
    };
    wakeup.notify();
    asio::co_spawn(io, sleeper, asio::detached);
    test::settle(io);
    CHECK(woken == 1);
    wakeup.notify();
    wakeup.notify();
    CHECK(woken == 1);
    test::settle(io);
    CHECK(woken >= 2);
    wakeup.abandon();
}

TEST_CASE("a subscriber is woken by an append, and no longer once it is gone") {
    asio::io_context io;
    EventLog log;
    Wakeup wakeup(io.get_executor());
    int woken = 0;
    auto sleeper = [&]() -> asio::awaitable<void> {
        for (;;) {
            co_await wakeup.wait();
            ++woken;
        }
    };
    asio::co_spawn(io, sleeper, asio::detached);
    test::settle(io);
    {
        EventLog::Subscription subscription(log, wakeup);
        log.append(event("x"), WallTime{});
        test::settle(io);
        CHECK(woken > 0);
    }
    const int before = woken;
    log.append(event("y"), WallTime{});
    test::settle(io);
    CHECK(woken == before);
    wakeup.abandon();
}
