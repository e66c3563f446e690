#include "wire/notification.h"

#include <doctest/doctest.h>

#include <random>

using namespace svc;
using namespace svc::wire;
using namespace std::chrono_literals;

TEST_CASE("a datagram without a known key says nothing") {
    const Notification nothing;
    for (const auto* text : {"", "\n", "=", "READY", "READY=0", "READY=12", "ready=1", "X=1\nY=2",
                             " READY=1", "READY =1"}) {
        CAPTURE(text);
        CHECK(parse_notification(text) == nothing);
    }
}

TEST_CASE("the keys of sd_notify(3) are understood") {
    const auto said =
        parse_notification("READY=1\nSTATUS=serving 3 clients\nERRNO=2\nBUSERROR=org.x.Failed\n"
                           "MAINPID=4711\nWATCHDOG=1\nWATCHDOG_USEC=5000000\n"
                           "EXTEND_TIMEOUT_USEC=1500000\nFDSTORE=1\nFDSTOREREMOVE=1\nFDNAME=db\n"
                           "FDPOLL=0\nNOTIFYACCESS=all\nEXIT_STATUS=3\nMONOTONIC_USEC=77");
    CHECK(said.ready);
    CHECK(said.status == "serving 3 clients");
    CHECK(said.error == 2);
    CHECK(said.bus_error == "org.x.Failed");
    CHECK(said.main_pid == 4711);
    CHECK(said.watchdog == WatchdogWord::alive);
    CHECK(said.watchdog_period == 5s);
    CHECK(said.extend_timeout == 1500ms);
    CHECK(said.monotonic == 77us);
    CHECK(said.fd_store);
    CHECK(said.fd_store_remove);
    CHECK(said.fd_name == "db");
    CHECK_FALSE(said.fd_poll);
    CHECK(said.notify_access == "all");
    CHECK(said.exit_status == 3);
    CHECK(parse_notification("WATCHDOG=trigger").watchdog == WatchdogWord::trigger);
}

TEST_CASE("STOPPING wins over READY, and READY over RELOADING") {
    const auto stopping = parse_notification("READY=1\nRELOADING=1\nSTOPPING=1");
    CHECK(stopping.stopping);
    CHECK_FALSE(stopping.ready);
    CHECK_FALSE(stopping.reloading);
    const auto ready = parse_notification("RELOADING=1\nREADY=1");
    CHECK(ready.ready);
    CHECK_FALSE(ready.reloading);
    CHECK(parse_notification("RELOADING=1\nMONOTONIC_USEC=1").reloading);
}

TEST_CASE("of a key that comes twice the first counts") {
    CHECK(parse_notification("STATUS=one\nSTATUS=two").status == "one");
    CHECK(parse_notification("MAINPID=1x\nMAINPID=2").main_pid == std::nullopt);
}

TEST_CASE("a barrier counts only alone") {
    CHECK(parse_notification("BARRIER=1").barrier);
    CHECK(parse_notification("BARRIER=1\n").barrier);
    CHECK(parse_notification("BARRIER=1\nREADY=1") == Notification{});
}

TEST_CASE("numbers out of range are ignored") {
    for (const auto* text :
         {"MAINPID=0", "MAINPID=-1", "MAINPID=2147483648", "MAINPID=", "MAINPID=1 ", "MAINPID=+1",
          "MAINPID=0x10", "ERRNO=-1", "ERRNO=4096", "EXIT_STATUS=256", "EXIT_STATUS=-1",
          "WATCHDOG_USEC=18446744073709551615", "EXTEND_TIMEOUT_USEC=0", "EXTEND_TIMEOUT_USEC=1e3",
          "EXTEND_TIMEOUT_USEC=99999999999999999999", "WATCHDOG=2", "NOTIFYACCESS=everyone",
          "FDNAME=a:b", "FDNAME=\x7f"}) {
        CAPTURE(text);
        CHECK(parse_notification(text) == Notification{});
    }
    CHECK(parse_notification("MAINPID=2147483647").main_pid == 2147483647);
}

TEST_CASE("what goes to a terminal is printable, and an empty STATUS clears the last") {
    CHECK(parse_notification("STATUS=\x1b[31mred").status == "?[31mred");
    CHECK(parse_notification("STATUS=").status == "");
}

TEST_CASE("lines end with LF, CR or the datagram; one NUL at its end is forgiven") {
    CHECK(parse_notification("STATUS=a\r\nREADY=1\r\n").ready);
    CHECK(parse_notification(std::string_view("READY=1\0", 8)).ready);
    CHECK(parse_notification(std::string_view("READY=1\0READY=1", 15)) == Notification{});
    CHECK(parse_notification(std::string_view("READY=1\n\0\0", 10)) == Notification{});
}

TEST_CASE("a line that the size limit cuts is ignored, and what comes after it") {
    std::string text = "STATUS=" + std::string(notification_limit - 7 - 1 - 10, 'x') + "\n";
    REQUIRE(text.size() == notification_limit - 10);
    const auto cut = parse_notification(text + "MAINPID=1234\nREADY=1");
    CHECK(cut.status.has_value());
    CHECK(cut.main_pid == std::nullopt);
    CHECK_FALSE(cut.ready);
    CHECK(parse_notification(text + "READY=1").ready);
    CHECK(parse_notification(std::string(notification_limit + 1, 'x')) == Notification{});
}

TEST_CASE("no garbage crashes the parser") {
    std::mt19937 random(1);
    const std::string base = "READY=1\nSTATUS=\xc3\xa4\nMAINPID=12\nFDNAME=x\nBARRIER=1\n";
    for (int round = 0; round < 20'000; ++round) {
        std::string text = base.substr(0, random() % (base.size() + 1));
        for (auto changes = random() % 4; changes > 0 && !text.empty(); --changes)
            text[random() % text.size()] = static_cast<char>(random());
        const auto said = parse_notification(text);
        CHECK((!said.main_pid || *said.main_pid > 0));
    }
}
