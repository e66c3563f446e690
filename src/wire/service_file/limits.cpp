// [limits]
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <charconv>
#include <limits>

namespace svc::wire::service_file {

namespace {

constexpr std::uint64_t infinity = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t weight_limit = 10000;     // of cpu.weight and io.weight
constexpr std::uint32_t percent_limit = 1000000; // 10,000 processors
constexpr std::int64_t tasks_limit = 4194304;    // PID_MAX_LIMIT

bool is_infinity(Table& limits, std::string_view key) {
    const toml::node* node = limits.find(key);
    const auto* text = node == nullptr ? nullptr : node->as_string();
    return text != nullptr && text->get() == "infinity";
}

/// "64M", 67108864 or "infinity".
void read_memory(Table& limits, std::string_view key, std::optional<std::uint64_t>& into) {
    if (is_infinity(limits, key))
        into = infinity;
    else
        limits.read_size(key, into, "\"512M\"");
}

/// "150%" is one and a half processors.
void read_percent(Table& limits, std::string_view key, std::optional<std::uint32_t>& into) {
    const toml::node* node = limits.find(key);
    if (node == nullptr)
        return;
    const auto text = plain_string(limits, key, *node, "\"150%\"");
    if (!text)
        return;
    std::uint32_t percent = 0;
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, percent);
    if (error == std::errc{} && rest + 1 == end && *rest == '%' && percent >= 1 &&
        percent <= percent_limit)
        into = percent;
    else
        limits.refuse(key, quoted(*text) +
                               " is no share of a processor's time; write \"50%\" for half a "
                               "processor, \"200%\" for two");
}

} // namespace

void read_cgroup_limits(Table& limits, std::optional<rollout::LimitsSpec>& spec) {
    rollout::LimitsSpec read;
    read_memory(limits, "memory_max", read.memory_max);
    read_memory(limits, "memory_high", read.memory_high);
    limits.read_integer("cpu_weight", read.cpu_weight, 1, weight_limit);
    read_percent(limits, "cpu_max", read.cpu_max);
    if (is_infinity(limits, "tasks_max"))
        read.tasks_max = infinity;
    else
        limits.read_integer("tasks_max", read.tasks_max, 1, tasks_limit);
    limits.read_integer("io_weight", read.io_weight, 1, weight_limit);
    limits.finish();
    if (read != rollout::LimitsSpec{})
        spec = read;
}

void find_impossible_limits(const rollout::Spec& spec, std::vector<Finding>& findings) {
    if (!spec.limits || !spec.limits->memory_high || !spec.limits->memory_max ||
        *spec.limits->memory_high <= *spec.limits->memory_max)
        return;
    findings.push_back({"limits.memory_high",
                        {"limits.memory_max"},
                        "a worker is killed at memory_max before it comes to this; write a smaller "
                        "one than memory_max"});
}

} // namespace svc::wire::service_file
