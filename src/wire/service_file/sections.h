// The tables of a service file, each with its reader. What a reader cannot see from one table is
// left to check.cpp.
#pragma once

#include "wire/service_file/table.h"

namespace svc::wire::service_file {

void read_process(Table& service, rollout::ProcessSpec& spec);
/// [[listener]]: one element for each, also for one with mistakes, so that places agree.
void read_listeners(Table& root, std::vector<rollout::ListenerSpec>& listeners);
void read_ready(Table& ready, rollout::ReadySpec& spec);
void read_live(Table& live, rollout::LiveSpec& spec);
void read_recycle(Table& recycle, rollout::RecycleSpec& spec);
void read_rollout(Table& rollout, rollout::RolloutSpec& spec);
/// The part of [rollout] that says which way it goes; after the others, since it looks at them.
void read_strategy(Table& rollout, rollout::RolloutSpec& spec);
/// The part of it that belongs to strategy = "in-place".
void read_in_place(Table& rollout, std::optional<rollout::InPlaceSpec>& in_place);
/// 1, or "25%" of `replicas`.
void read_share(Table& table, std::string_view key, rollout::Share& share);
void read_stop(Table& stop, rollout::StopSpec& spec);
/// [limits]; none of them set: nothing.
void read_cgroup_limits(Table& limits, std::optional<rollout::LimitsSpec>& spec);
void read_restart(Table& restart, rollout::RestartSpec& spec);
void read_log(Table& log, rollout::LogSpec& spec);
void read_metrics(Table& metrics, std::optional<rollout::MetricsSpec>& spec);

/// What holds where the table says nothing.
struct HookDefaults {
    std::optional<Duration> timeout = std::chrono::seconds(30);
    rollout::HookFailure on_failure = rollout::HookFailure::ignore;
    std::string_view fixed; ///< why it has no on_failure; empty: it has
};
/// A table with one of exec, sleep, signal or http, and timeout and on_failure.
void read_hook(Table& parent, std::string_view key, const HookDefaults& defaults,
               std::optional<rollout::HookSpec>& hook);
/// "SIGUSR1"; true only if it is there and right.
bool read_signal(Table& table, std::string_view key, int& into, std::string_view example);
/// "http://127.0.0.1:9000/drain", "http://[::1]:9000/", "unix:/run/web.sock:/drain".
/// `what`: whose place it is, for the message.
Result<rollout::HttpHook> parse_hook_url(std::string_view url, std::string_view what = "hook");

struct ProbeDefaults {
    std::uint32_t failure_threshold = 3;
    std::int64_t least_failures = 1; ///< 0: it may go on for ever
};
/// A table with one of exec, http or tcp, and when, how often and how many times.
void read_probe(Table& parent, std::string_view key, const ProbeDefaults& defaults,
                std::optional<rollout::ProbeSpec>& probe);

/// All that a Spec has of them, each with its key ("stop.pre_stop").
struct NamedHook {
    std::string key;
    const rollout::HookSpec* hook = nullptr;
};
std::vector<NamedHook> hooks_of(const rollout::Spec& spec);
struct NamedProbe {
    std::string key;
    const rollout::ProbeSpec* probe = nullptr;
};
std::vector<NamedProbe> probes_of(const rollout::Spec& spec);

/// What is wrong with a Spec as a whole.
struct Finding {
    std::string key;
    std::vector<std::string> also; ///< keys that it follows from, too: nothing if one is unreadable
    std::string message;
};
std::vector<Finding> find_impossible(const rollout::Spec& spec);
void check_command(const std::vector<std::string>& command, const std::string& key,
                   std::vector<Finding>& findings);
/// "0s is too short; write KEY = EXAMPLE".
void check_positive(Duration value, const std::string& key, std::string_view example,
                    std::vector<Finding>& findings);
/// What is wrong only in a file: texts that name something else than ${release}, or name it where
/// there is none; variables that svc sets itself.
void find_wrong_texts(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_metrics(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_log(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_hooks(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_probes(const rollout::Spec& spec, std::vector<Finding>& findings);
/// [ready], [live], [recycle], and how long it takes until a worker is available.
void find_impossible_health(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_limits(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_strategy(const rollout::Spec& spec, std::vector<Finding>& findings);
void find_impossible_listeners(const rollout::Spec& spec, std::vector<Finding>& findings);
/// private and preview
void find_impossible_scopes(const rollout::Spec& spec, std::vector<Finding>& findings);

} // namespace svc::wire::service_file
