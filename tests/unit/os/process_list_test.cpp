#include "os/process_list.h"

#include "../temporary_directory.h"

#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace svc;

namespace {

/// A process that does nothing but execute itself, again and again, with `entry` in its environment.
class Restless {
public:
    Restless(const std::string& program, const std::string& entry) : pid_(::fork()) {
        if (pid_ == 0) {
            std::string own = entry;
            char* const environment[] = {own.data(), nullptr};
            std::string path = program;
            char* const arguments[] = {path.data(), nullptr};
            ::execve(path.c_str(), arguments, environment);
            ::_exit(127);
        }
        REQUIRE(pid_ > 0);
    }
    Restless(const Restless&) = delete;
    Restless& operator=(const Restless&) = delete;
    ~Restless() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

} // namespace

TEST_CASE("a process is found in any moment of an exec") {
    test::TemporaryDirectory directory;
    const std::string program = directory.write("again", "#!/bin/sh\nexec \"$0\"\n", true);
    const std::string value = directory / "r1-0";
    const Restless restless(program, "NOTIFY_SOCKET=" + value);
    while (os::find_processes("NOTIFY_SOCKET=" + directory.path()).empty()) // its first exec
        REQUIRE(::waitpid(restless.pid(), nullptr, WNOHANG) == 0);
    for (int look = 0; look < 500; ++look) {
        const auto found = os::find_processes("NOTIFY_SOCKET=" + directory.path());
        REQUIRE(found.size() == 1);
        CHECK(found.front().pid == restless.pid());
        CHECK(found.front().value == "/r1-0");
    }
}
