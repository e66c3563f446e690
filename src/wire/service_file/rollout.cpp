// [rollout] and [restart]
#include "wire/service_file/sections.h"

#include <array>
#include <charconv>

namespace svc::wire::service_file {

namespace {

constexpr std::int64_t most_workers = 10'000;

constexpr std::array memory_checks{
    Choice<rollout::MemoryCheck>{"off", rollout::MemoryCheck::off},
    Choice<rollout::MemoryCheck>{"warn", rollout::MemoryCheck::warn},
    Choice<rollout::MemoryCheck>{"refuse", rollout::MemoryCheck::refuse},
};

constexpr std::array policies{
    Choice<rollout::RestartPolicy>{"always", rollout::RestartPolicy::always},
    Choice<rollout::RestartPolicy>{"on-failure", rollout::RestartPolicy::on_failure},
    Choice<rollout::RestartPolicy>{"never", rollout::RestartPolicy::never},
};

std::optional<std::uint32_t> parse_percentage(std::string_view text) {
    if (!text.ends_with('%'))
        return std::nullopt;
    text.remove_suffix(1);
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
        value > 100)
        return std::nullopt;
    return value;
}

} // namespace

void read_share(Table& table, std::string_view key, rollout::Share& share) {
    const toml::node* node = table.find(key);
    if (node == nullptr)
        return;
    if (node->is_integer()) {
        const auto count = table.read_integer(key, 0, replica_limit);
        if (count)
            share = rollout::Share{static_cast<std::uint32_t>(*count), false};
        return;
    }
    const auto* text = node->as_string();
    if (text == nullptr) {
        table.refuse(key, std::string(type_name(*node)) + " stands here; write 1 or \"25%\"");
        return;
    }
    const auto percentage = parse_percentage(text->get());
    if (percentage)
        share = rollout::Share{*percentage, true};
    else
        table.refuse(key, quoted(text->get()) + " is not a count or a percentage from \"0%\" to "
                                                "\"100%\"; write 1 or \"25%\"");
}

namespace {

void read_rollout_hooks(Table& rollout, rollout::RolloutSpec& spec) {
    const auto minute = std::chrono::seconds(60);
    read_hook(rollout, "before", {minute, rollout::HookFailure::fail}, spec.before);
    read_hook(rollout, "after", {minute, rollout::HookFailure::ignore}, spec.after);
    read_hook(
        rollout, "failed",
        {minute, rollout::HookFailure::ignore, "this hook changes nothing, whatever becomes of it"},
        spec.failed);
}

} // namespace

void read_rollout(Table& rollout, rollout::RolloutSpec& spec) {
    rollout.read_integer("replicas", spec.replicas, 0, replica_limit);
    read_share(rollout, "max_surge", spec.max_surge);
    read_share(rollout, "max_unavailable", spec.max_unavailable);
    rollout.read_duration("min_ready", spec.min_ready, "\"5s\"");
    rollout.read_duration("progress_deadline", spec.progress_deadline, "\"10m\"");
    rollout.read_integer("max_total", spec.max_total, 1, most_workers);
    rollout.read_integer("history", spec.history, 1, 1000);
    rollout.read_choice<rollout::MemoryCheck>("memory_check", spec.memory_check, memory_checks);
    read_rollout_hooks(rollout, spec);
    read_strategy(rollout, spec);
    rollout.finish();
}

void read_restart(Table& restart, rollout::RestartSpec& spec) {
    restart.read_choice<rollout::RestartPolicy>("policy", spec.policy, policies);
    auto backoff = restart.read_table("backoff", R"({ min = "100ms", max = "30s" })");
    if (backoff) {
        backoff->read_duration("min", spec.backoff_min, "\"100ms\"");
        backoff->read_duration("max", spec.backoff_max, "\"30s\"");
        backoff->finish();
    }
    restart.finish();
}

} // namespace svc::wire::service_file
