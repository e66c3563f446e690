// [limits], which a worker's cgroup enforces.
#include "helpers.h"

using namespace svc;
using namespace svc::wire;
using namespace svc::wire::test;

TEST_CASE("every limit is read") {
    const auto spec = spec_of(minimal + R"([limits]
memory_max = "512M"
memory_high = 1048576
cpu_weight = 200
cpu_max = "150%"
tasks_max = 64
io_weight = 50
)");
    REQUIRE(spec.limits);
    CHECK(*spec.limits == rollout::LimitsSpec{512u << 20, 1u << 20, 200, 150, 64, 50});
}

TEST_CASE("a limit may be none") {
    const auto spec =
        spec_of(minimal + "[limits]\nmemory_max = \"infinity\"\ntasks_max = \"infinity\"\n");
    REQUIRE(spec.limits);
    CHECK(spec.limits->memory_max == UINT64_MAX);
    CHECK(spec.limits->tasks_max == UINT64_MAX);
}

TEST_CASE("a file without limits, or with an empty table of them, has none") {
    CHECK_FALSE(spec_of(minimal).limits);
    CHECK_FALSE(spec_of(minimal + "[limits]\n").limits);
}

TEST_CASE("a wrong limit is told with what would be right") {
    const auto refused = [](const std::string& line, const std::string& key,
                            const std::string& words) {
        check_marked(minimal + "[limits]\n" + line + "\n", "limits." + key, words);
    };
    refused("memory_max = ^\"much\"", "memory_max", "write bytes or binary multiples");
    refused("memory_max = ^\"25%\"", "memory_max", "write bytes or binary multiples");
    refused("memory_max = ^0", "memory_max", "is out of range");
    refused("memory_high = ^true", "memory_high", "memory_high = \"512M\"");
    refused("cpu_weight = ^0", "cpu_weight", "write a number from 1 to 10000");
    refused("io_weight = ^10001", "io_weight", "write a number from 1 to 10000");
    refused("io_weight = ^\"50\"", "io_weight", "a string stands here");
    for (const std::string wrong : {"150", "0%", "-5%", "%", "1.5%", "50%%", "5000000%", ""})
        refused("cpu_max = ^\"" + wrong + "\"", "cpu_max", "write \"50%\" for half a processor");
    refused("cpu_max = ^150", "cpu_max", "\"150%\"");
    refused("tasks_max = ^0", "tasks_max", "write a number from 1");
    refused("^memory = \"1G\"", "memory", "there is no such key");
    refused("memory_max = \"1M\"\nmemory_high = ^\"2M\"", "memory_high",
            "a worker is killed at memory_max before it comes to this");
}
