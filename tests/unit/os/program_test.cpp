#include "os/program.h"

#include "os/fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

using namespace svc;
using namespace svc::os;

namespace {

/// What came through `answer`, to its end.
Result<std::string> answer_of(Result<FileWork> work) {
    REQUIRE(work);
    std::string text;
    for (;;) {
        pollfd entry{work->answer.get(), POLLIN, 0};
        REQUIRE(::poll(&entry, 1, 60'000) == 1);
        std::array<char, 4096> buffer{};
        const auto count = read_some(work->answer.get(), buffer);
        REQUIRE(count);
        if (*count && **count == 0)
            return parse_file_answer(text);
        if (*count)
            text.append(buffer.data(), **count);
    }
}

} // namespace

TEST_CASE("a program's output is the answer, and how it ended the error") {
    CHECK(*answer_of(start_program({"echo", "hello"})) == "hello\n");
    const auto failed = answer_of(start_program({"sh", "-c", "echo why >&2; exit 3"}));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message == "why (exit status 3)");
    const auto missing = answer_of(start_program({"svc-no-such-program"}));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.find("No such file or directory") != std::string::npos);
}

TEST_CASE("a held program is executed with a fd as its fd 3, whichever numbers the two have") {
    for (const bool program_is_three : {false, true}) {
        UniqueFd held;
        if (program_is_three) {
            ::close(3); // nobody's in this test
            held.reset(::open("/bin/cat", O_PATH | O_CLOEXEC));
            if (held.get() != 3) {
                ::dup2(held.get(), 3);
                held.reset(3);
            }
        } else {
            auto opened = open_program("/bin/cat");
            REQUIRE(opened);
            held.reset(::fcntl(opened->get(), F_DUPFD_CLOEXEC, 10));
        }
        auto pipe = make_pipe();
        REQUIRE(pipe);
        REQUIRE(::write(pipe->write_end.get(), "passed", 6) == 6);
        pipe->write_end.reset();
        CHECK(*answer_of(start_program(held.get(), {"cat", "/proc/self/fd/3"},
                                       pipe->read_end.get())) == "passed");
    }
}

TEST_CASE("our own program is found, and is itself") {
    auto own = open_own_program();
    auto path = own_program_path();
    REQUIRE(own);
    REQUIRE(path);
    auto there = open_program(*path);
    REQUIRE(there);
    CHECK(is_same_program(own->get(), there->get()));
    auto other = open_program("/bin/cat");
    REQUIRE(other);
    CHECK_FALSE(is_same_program(own->get(), other->get()));
    CHECK_FALSE(open_program("/dev/null"));
    CHECK_FALSE(open_program("/etc/passwd"));
}
