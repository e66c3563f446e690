// Where a cgroup is to be found.
#include "os/cgroup.h"
#include "os/delegation.h"
#include "os/program.h"

#include "support.h"

using namespace svc;
using namespace svc::os;

namespace {

const std::string hybrid =
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

std::optional<CgroupPlace> placed(const std::string& path, const std::string& mounts) {
    return place_cgroup("9:name=systemd:/x\n0::" + path + "\n", mounts);
}

} // namespace

TEST_CASE("a cgroup is below the mount of version 2, wherever that is") {
    const std::string unified =
        "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    CHECK(placed("/system.slice/a.service", unified) ==
          CgroupPlace{"/sys/fs/cgroup", "/system.slice/a.service", true});
    CHECK(placed("/system.slice/a.service", hybrid) ==
          CgroupPlace{"/sys/fs/cgroup/unified", "/system.slice/a.service", true});
    CHECK(placed("/", unified) == CgroupPlace{"/sys/fs/cgroup", "", true});
}

TEST_CASE("a mount of a part shows that part") {
    const std::string part = "30 23 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    CHECK(placed("/docker/ab/x", part) == CgroupPlace{"/sys/fs/cgroup", "/x", false});
    CHECK(placed("/docker/ab", part) == CgroupPlace{"/sys/fs/cgroup", "", false});
    CHECK_FALSE(placed("/docker/abc", part));
    CHECK_FALSE(placed("/other", part));
}

TEST_CASE("what a namespace does not show has no place") {
    CHECK_FALSE(placed("/../other", hybrid));
    CHECK_FALSE(placed("/a/..", hybrid));
    CHECK_FALSE(placed("/a", "30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n"));
}

TEST_CASE("without version 2 there is no place") {
    CHECK_FALSE(place_cgroup("9:name=systemd:/x\n", hybrid));
    CHECK_FALSE(placed("/a", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"));
    CHECK_FALSE(placed("/a", "cgroup2\n - cgroup2 x\n"));
}

TEST_CASE("a blank in a mount's path is a blank") {
    CHECK(placed("/a", "30 23 0:26 / /mnt/c\\040g rw - cgroup2 cgroup rw\n") ==
          CgroupPlace{"/mnt/c g", "/a", true});
}

TEST_CASE("a directory that is no cgroup is none that was given to us") {
    const test::TemporaryDirectory directory;
    const auto opened = open_delegated_cgroup(directory.path());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().message == directory.path() + " is no cgroup of version 2");
}

TEST_CASE("a manager's answer names a cgroup that it delegated") {
    CHECK(told_cgroup("ControlGroup=/a.slice/b.service\nDelegate=yes\n") == "/a.slice/b.service");
    CHECK(told_cgroup("Delegate=yes\nControlGroup=/b.service\n") == "/b.service");
    CHECK_FALSE(told_cgroup("ControlGroup=/b.service\nDelegate=no\n"));
    CHECK_FALSE(told_cgroup("ControlGroup=\nDelegate=yes\n"));
    CHECK_FALSE(told_cgroup(""));
}

TEST_CASE("a program that does not answer in time is not waited for") {
    auto started = start_program({"sleep", "1000"});
    REQUIRE(started.ok());
    const auto answer = await_answer(std::move(*started), std::chrono::milliseconds(50));
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().code == ETIMEDOUT);
    started = start_program({"echo", "yes"});
    REQUIRE(started.ok());
    const auto said = await_answer(std::move(*started), std::chrono::seconds(60));
    REQUIRE(said.ok());
    CHECK(*said == "yes\n");
}

TEST_CASE("numbers are found by their key, and not by a part of it") {
    test::TemporaryDirectory directory;
    directory.write("memory.events", "oom 3\noom_kill 2\noom_group_kill x\n");
    directory.write("memory.current", "4096\n");
    directory.write("memory.max", "max\n");
    const UniqueFd fd(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(number_in_cgroup(fd.get(), "memory.events", "oom") == 3);
    CHECK(number_in_cgroup(fd.get(), "memory.events", "oom_kill") == 2);
    CHECK_FALSE(number_in_cgroup(fd.get(), "memory.events", "oom_group_kill"));
    CHECK_FALSE(number_in_cgroup(fd.get(), "memory.events", "low"));
    CHECK(number_in_cgroup(fd.get(), "memory.current") == 4096);
    CHECK_FALSE(number_in_cgroup(fd.get(), "memory.max"));
    CHECK_FALSE(number_in_cgroup(fd.get(), "pids.current"));
}
