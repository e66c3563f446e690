#include "wire/limit_files.h"

#include <limits>
#include <utility>

namespace svc::wire {

namespace {

constexpr std::uint64_t cpu_period_us = 100000; // the kernel's own default

std::string limit_text(std::uint64_t value) {
    return value == std::numeric_limits<std::uint64_t>::max() ? "max" : std::to_string(value);
}

} // namespace

std::vector<LimitFile> limit_files(const rollout::LimitsSpec& limits) {
    std::vector<LimitFile> files;
    const auto add = [&](const char* key, const char* controller, const char* file,
                         std::string text) {
        files.push_back({key, controller, file, std::move(text)});
    };
    if (limits.memory_max) {
        add("memory_max", "memory", "memory.max", limit_text(*limits.memory_max));
        // Without a part of itself a worker would go on and nobody would know that it is broken.
        add("memory_max", "memory", "memory.oom.group", "1");
    }
    if (limits.memory_high)
        add("memory_high", "memory", "memory.high", limit_text(*limits.memory_high));
    if (limits.cpu_weight)
        add("cpu_weight", "cpu", "cpu.weight", std::to_string(*limits.cpu_weight));
    if (limits.cpu_max)
        add("cpu_max", "cpu", "cpu.max",
            std::to_string(*limits.cpu_max * cpu_period_us / 100) + " " +
                std::to_string(cpu_period_us));
    if (limits.tasks_max)
        add("tasks_max", "pids", "pids.max", limit_text(*limits.tasks_max));
    if (limits.io_weight)
        add("io_weight", "io", "io.weight", "default " + std::to_string(*limits.io_weight));
    return files;
}

} // namespace svc::wire
