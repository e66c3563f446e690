#include "svcd/front/handover.h"

#include "os/memory_file.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;

TEST_CASE("what is handed over is read back, names with blanks too") {
    const NamedFds fds = {{"svc.state", 7}, {"svc.listener.1", 12}, {"the socket", 1000}};
    const auto read = decode_handover(encode_handover(fds));
    REQUIRE(read);
    CHECK(*read == fds);
    CHECK(decode_handover(encode_handover({}))->empty());
}

TEST_CASE("what nobody has written is refused") {
    const std::string first = "svc-handover 1\n";
    for (const std::string& text :
         {std::string(), std::string("svc-handover 2\n7 svc.state\n"), std::string("7 svc.state\n"),
          first + "svc.state\n", first + "7\n", first + "7 \n", first + "x svc.state\n",
          first + "-1 svc.state\n", first + "2 stderr\n", first + "99999999999 svc.state\n",
          first + "7 one\n7 two\n", first + "7 " + std::string(256, 'n') + "\n", first + "\n"}) {
        CAPTURE(text);
        CHECK_FALSE(decode_handover(text));
    }
}

TEST_CASE("a variable that somebody set by hand is an error, and is unset") {
    for (const char* value : {"", "x", "1", "4711:1024", "3", "-3:1024"}) {
        CAPTURE(value);
        ::setenv("SVC_HANDOVER", value, 1);
        CHECK_FALSE(take_handover());
        CHECK(std::getenv("SVC_HANDOVER") == nullptr);
    }
    CHECK_FALSE(take_handover()->has_value());
}

TEST_CASE("fds are taken, kept open for the way back, and close-on-exec") {
    auto list = os::make_memory_file("list");
    REQUIRE(list);
    const int one = ::open("/dev/null", O_RDONLY);
    const int two = ::open("/dev/null", O_RDONLY);
    REQUIRE(os::write_at(list->get(), 0,
                         encode_handover({{"svc.listener.1", one}, {previous_program, two}})));
    ::setenv("SVC_HANDOVER", (std::to_string(list->release()) + ":1024").c_str(), 1);
    auto taken = take_handover();
    REQUIRE(taken);
    REQUIRE(taken->has_value());
    Handover& handover = **taken;
    CHECK(handover.nofile_soft == 1024);
    CHECK(handover.passed.kept.contains("svc.listener.1"));
    CHECK_FALSE(handover.passed.kept.contains(previous_program));
    CHECK(handover.previous);
    const UniqueFd used = handover.passed.kept.take("svc.listener.1");
    CHECK(used.get() != one); // whose number stays for the way back
    CHECK((::fcntl(one, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(used.get(), F_GETFD) & FD_CLOEXEC) != 0);
    taken->reset();
    CHECK(::fcntl(one, F_GETFD) == -1);
    CHECK(::fcntl(used.get(), F_GETFD) != -1);
}
