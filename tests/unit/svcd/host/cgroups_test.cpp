// Limits, against a directory of plain files: what is written where, and what is said where it cannot be.
#include "svcd/host/survival/cgroups.h"

#include "../../temporary_directory.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <fstream>
#include <sstream>

using namespace svc;
using namespace svc::daemon;

namespace {

/// What looks like a cgroup that was delegated, with a worker's in it.
struct Hierarchy {
    explicit Hierarchy(const std::string& controllers) {
        directory.write("cgroup.controllers", controllers + "\n");
        for (const char* file : {"cgroup.procs", "cgroup.subtree_control",
                                 "supervisor/cgroup.procs", "r1-0/cgroup.events"})
            directory.write(file, "");
    }
    /// Its children have these files, as the kernel makes them once the controllers are there.
    void give(std::initializer_list<const char*> files) {
        for (const char* child : {"supervisor/", "r1-0/"})
            for (const char* file : files)
                directory.write(std::string(child) + file, "");
    }
    void take() {
        os::Delegated delegated{
            UniqueFd(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
            directory.path()};
        REQUIRE(cgroups.take(std::move(delegated)).ok());
    }
    [[nodiscard]] std::string read(const std::string& file) const {
        std::stringstream text;
        text << std::ifstream(directory / file).rdbuf();
        return text.str();
    }

    test::TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::string warned;
    Cgroups cgroups{io, [this](const std::string& text) { warned += text + '\n'; }};
};

const rollout::LimitsSpec all{64u << 20, 32u << 20, 200, 150, 64, 50};

} // namespace

TEST_CASE("each limit is a line in a file") {
    const std::vector<wire::LimitFile> wanted = {
        {"memory_max", "memory", "memory.max", "67108864"},
        {"memory_max", "memory", "memory.oom.group", "1"},
        {"memory_high", "memory", "memory.high", "33554432"},
        {"cpu_weight", "cpu", "cpu.weight", "200"},
        {"cpu_max", "cpu", "cpu.max", "150000 100000"},
        {"tasks_max", "pids", "pids.max", "64"},
        {"io_weight", "io", "io.weight", "default 50"},
    };
    CHECK(wire::limit_files(all) == wanted);
    CHECK(wire::limit_files(rollout::LimitsSpec{.tasks_max = UINT64_MAX}).at(0).text == "max");
}

TEST_CASE("workers' names are told from others") {
    for (const char* name : {"r7-2", "r1-0.1", "r18446744073709551615-0"})
        CHECK_MESSAGE(is_workers_name(name), name);
    for (const char* name : {"", "r", "r7", "r-2", "r7-", "r7-2.", "r7-2.x", "r7-2-3", "7-2",
                             "r7-2/..", ".control", "supervisor", "r7-2 ", "rx-1"})
        CHECK_FALSE_MESSAGE(is_workers_name(name), name);
}

TEST_CASE("the supervisor goes into its leaf, and the controllers are given to the workers") {
    Hierarchy hierarchy("cpuset cpu io memory pids");
    hierarchy.give({"memory.max", "memory.oom.group", "memory.high", "cpu.weight", "cpu.max",
                    "pids.max", "io.weight"});
    hierarchy.take();
    CHECK(hierarchy.read("supervisor/cgroup.procs") == "0");
    CHECK(hierarchy.read("cgroup.subtree_control") == "+pids"); // the last one
    const auto group = hierarchy.cgroups.find("r1-0", all);
    REQUIRE(group);
    CHECK(hierarchy.read("cgroup.subtree_control") == "+io");
    CHECK(hierarchy.read("r1-0/memory.max") == "67108864");
    CHECK(hierarchy.read("r1-0/memory.oom.group") == "1");
    CHECK(hierarchy.read("r1-0/cpu.max") == "150000 100000");
    CHECK(hierarchy.read("r1-0/io.weight") == "default 50");
    CHECK(hierarchy.cgroups.unenforced(all).empty());
    CHECK(hierarchy.warned.empty());
}

TEST_CASE("what is not there is told of, and nothing else") {
    Hierarchy hierarchy("cpuset memory io");
    hierarchy.give({"memory.max", "memory.oom.group", "memory.high"});
    hierarchy.take();
    const std::string path = hierarchy.directory.path();
    CHECK(hierarchy.cgroups.unenforced(all) == "cpu_weight, cpu_max, tasks_max, io_weight are not "
                                               "enforced: there is no cpu controller in " +
                                                   path + "; there is no pids controller in " +
                                                   path + "; this kernel has no io.weight");
    CHECK(hierarchy.cgroups.unenforced(rollout::LimitsSpec{.memory_max = 1}).empty());
    CHECK(hierarchy.cgroups.unenforced(std::nullopt).empty());
    CHECK(hierarchy.cgroups.find("r1-0", all));
    CHECK(hierarchy.warned.empty());
}

TEST_CASE("a worker that an earlier supervisor started without a cgroup has none") {
    Hierarchy hierarchy("");
    hierarchy.take();
    CHECK_FALSE(hierarchy.cgroups.find("r1-1", std::nullopt));
}

TEST_CASE("without cgroups every limit is unenforced, with the reason") {
    boost::asio::io_context io(1);
    Cgroups cgroups(io, [](const std::string&) {});
    REQUIRE(cgroups.open("off").ok());
    CHECK_FALSE(cgroups.present());
    CHECK(cgroups.unenforced(rollout::LimitsSpec{.cpu_max = 5}) ==
          "cpu_max is not enforced: --cgroup off");
    CHECK_FALSE(cgroups.open("/nowhere").ok());
}

TEST_CASE("a kill of the whole for memory names the limit that it was") {
    Hierarchy hierarchy("memory");
    hierarchy.give({"memory.max", "memory.oom.group", "memory.high"});
    hierarchy.take();
    const auto group = hierarchy.cgroups.find("r1-0", all);
    REQUIRE(group);
    CHECK_FALSE(group->out_of_memory());
    hierarchy.directory.write("r1-0/memory.events.local", "max 7\noom 0\noom_kill 0\n");
    CHECK_FALSE(group->out_of_memory());
    hierarchy.directory.write("r1-0/memory.events.local", "max 7\noom 1\noom_kill 2\n");
    CHECK(group->out_of_memory() == "it needed more than its memory_max of 64 MiB");
    hierarchy.directory.write("r1-0/memory.events.local", "max 0\noom 0\noom_kill 1\n");
    CHECK(group->out_of_memory() == "of the machine, or of a cgroup above its own");
}

TEST_CASE("a kill for memory that may have been a child's is counted, and no reason") {
    Hierarchy hierarchy("memory");
    hierarchy.give({"memory.max", "memory.oom.group"});
    hierarchy.take();
    const auto group = hierarchy.cgroups.find("r1-0", std::nullopt);
    REQUIRE(group);
    CHECK(group->memory_kills() == 0);
    hierarchy.directory.write("r1-0/memory.oom.group", "0\n");
    hierarchy.directory.write("r1-0/memory.events", "max 0\noom 0\noom_kill 1\n");
    hierarchy.directory.write("r1-0/memory.events.local", "max 0\noom 0\noom_kill 1\n");
    CHECK_FALSE(group->out_of_memory());
    CHECK(group->memory_kills() == 1);
    // Nor is one in a cgroup that the worker made.
    hierarchy.directory.write("r1-0/memory.oom.group", "1\n");
    hierarchy.directory.write("r1-0/memory.events.local", "max 0\noom 0\noom_kill 0\n");
    CHECK_FALSE(group->out_of_memory());
}
