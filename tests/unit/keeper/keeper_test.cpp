// What of the keeper is pure; tests/integration/test_keeper.py has the rest.
#include "keeper/backoff.h"
#include "keeper/message.h"
#include "keeper/store.h"

#include <doctest/doctest.h>

#include <unistd.h>

using namespace svc;
using namespace svc::keeper;
using namespace std::chrono_literals;

namespace {

UniqueFd some_fd() {
    return UniqueFd(::dup(0));
}

} // namespace

TEST_CASE("a message stores, removes and names") {
    const auto put = parse_message("FDSTORE=1\nFDNAME=svc.state\nFDPOLL=0");
    CHECK(put.store);
    CHECK_FALSE(put.remove);
    CHECK(put.name == "svc.state");
    CHECK(put.passed_on.empty());
    const auto removed = parse_message("FDNAME=svc.state\nFDSTOREREMOVE=1\n");
    CHECK(removed.remove);
    CHECK_FALSE(removed.store);
    CHECK(removed.name == "svc.state");
    CHECK(parse_message("FDSTORE=1").name == "stored");
}

TEST_CASE("what is for a manager is passed on, without the main process and the fds") {
    CHECK(parse_message("READY=1\nMAINPID=7\nSTATUS=all well\nFDNAME=x\nNOTIFYACCESS=all\n"
                        "EXTEND_TIMEOUT_USEC=5")
              .passed_on == "READY=1\nSTATUS=all well\nEXTEND_TIMEOUT_USEC=5");
    CHECK(parse_message("RELOADING=1\nMONOTONIC_USEC=12").passed_on ==
          "RELOADING=1\nMONOTONIC_USEC=12");
    CHECK(parse_message("STOPPING=1\nWATCHDOG=1").passed_on == "STOPPING=1\nWATCHDOG=1");
    CHECK(parse_message("BARRIER=1").passed_on.empty());
}

TEST_CASE("any bytes are a message that may mean nothing") {
    using namespace std::string_view_literals;
    for (const auto bytes :
         {""sv, "\n"sv, "\n\n\n"sv, "="sv, "=\n="sv, "\0\0"sv, "FDSTORE"sv, "FDSTORE=1 "sv,
          "FDSTORE=10"sv, " FDSTORE=1"sv, "fdstore=1"sv, "READY"sv, "READY =1"sv, "\xff\xfe="sv}) {
        const auto message = parse_message(bytes);
        CHECK_FALSE(message.store);
        CHECK_FALSE(message.remove);
        CHECK(message.passed_on.empty());
    }
    // Cut after any byte it is still one.
    const auto whole = "FDSTORE=1\nFDNAME=a\nFDSTOREREMOVE=1\nREADY=1\n"sv;
    for (std::size_t size = 0; size <= whole.size(); ++size)
        (void)parse_message(whole.substr(0, size));
}

TEST_CASE("a name that LISTEN_FDNAMES cannot carry is none") {
    CHECK(is_fd_name("svc.worker.7.pidfd"));
    CHECK(is_fd_name(std::string(255, 'x')));
    CHECK_FALSE(is_fd_name(std::string(256, 'x')));
    for (const char* name : {"", "a:b", "a b", "a\tb", "\x7f", "\xc3\xa4"})
        CHECK_FALSE(is_fd_name(name));
}

TEST_CASE("a name stands for all the fds that were stored under it, and goes with them") {
    Store store(10, 1000);
    CHECK(store.put("a", some_fd()));
    CHECK(store.put("b", some_fd()));
    CHECK(store.put("a", some_fd()));
    CHECK(store.all().size() == 3);
    store.remove("a");
    CHECK_FALSE(store.contains("a"));
    CHECK(store.contains("b"));
    CHECK(store.all().size() == 1);
    store.remove("a");
    CHECK(store.all().size() == 1);
}

TEST_CASE("a full store takes no fd, in number or in length of names, until one is removed") {
    Store few(2, 1000);
    CHECK(few.put("a", some_fd()));
    CHECK(few.put("b", some_fd()));
    CHECK_FALSE(few.put("c", some_fd()));
    few.remove("a");
    CHECK(few.put("c", some_fd()));

    Store short_names(100, 10);
    CHECK(short_names.put("1234", some_fd()));
    CHECK(short_names.put("1234", some_fd()));
    CHECK_FALSE(short_names.put("1", some_fd()));
    short_names.remove("1234");
    CHECK(short_names.put("123456789", some_fd()));
    CHECK_FALSE(short_names.put("", some_fd()));
}

TEST_CASE(
    "who dies again and again is waited for longer and longer, until it has run for a while") {
    Backoff backoff;
    CHECK(backoff.after(1s, false) == 0s);
    CHECK(backoff.after(1s, false) == 100ms);
    CHECK(backoff.after(1s, false) == 200ms);
    for (const auto next : {400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms})
        CHECK(backoff.after(0s, false) == next);
    CHECK(backoff.after(10s, false) == 0s);
    CHECK(backoff.after(9s, false) == 100ms);
    CHECK(backoff.after(1s, false) == 200ms);
    CHECK(backoff.after(1s, true) == 100ms);
    CHECK(backoff.after(1s, true) == 100ms);
}
