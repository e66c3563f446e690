// [ready], [live] and [recycle]: when a worker can serve, when it no longer does, and when it has
// served long enough.
#include "wire/service_file/sections.h"

#include <array>

namespace svc::wire::service_file {

namespace {

constexpr std::array ready_on{
    Choice<rollout::ReadyOn>{"notify", rollout::ReadyOn::notify},
    Choice<rollout::ReadyOn>{"started", rollout::ReadyOn::started},
    Choice<rollout::ReadyOn>{"fd", rollout::ReadyOn::fd},
    Choice<rollout::ReadyOn>{"probe", rollout::ReadyOn::probe},
    Choice<rollout::ReadyOn>{"accepting", rollout::ReadyOn::accepting},
    Choice<rollout::ReadyOn>{"ipc", rollout::ReadyOn::ipc},
};

constexpr std::array notify_accesses{
    Choice<rollout::NotifyAccess>{"main", rollout::NotifyAccess::main},
    Choice<rollout::NotifyAccess>{"group", rollout::NotifyAccess::group},
    Choice<rollout::NotifyAccess>{"all", rollout::NotifyAccess::all},
};

/// What somebody may write who knows the three kinds of probe.
struct ProbeWord {
    std::string_view word;
    std::string_view probe;
};
constexpr std::array probe_words{
    ProbeWord{"exec", R"({ exec = ["/usr/local/bin/check"] })"},
    ProbeWord{"http", R"({ http = "/healthz", listener = "NAME" })"},
    ProbeWord{"tcp", R"({ tcp = "unix:/run/web-{worker}.sock" })"},
};

void read_on(Table& ready, rollout::ReadySpec& spec) {
    const toml::node* node = ready.find("on");
    // A probe alone says it already.
    if (node == nullptr && ready.has("probe"))
        spec.on = rollout::ReadyOn::probe;
    const auto* text = node == nullptr ? nullptr : node->as_string();
    for (const ProbeWord& each : probe_words) {
        if (text == nullptr || text->get() != each.word)
            continue;
        ready.refuse("on", "that is a kind of probe; write on = \"probe\" and probe = " +
                               std::string(each.probe));
        return;
    }
    ready.read_choice<rollout::ReadyOn>("on", spec.on, ready_on);
}

} // namespace

void read_ready(Table& ready, rollout::ReadySpec& spec) {
    constexpr std::int64_t first_fd = 3;
    constexpr std::int64_t last_fd = 65'535;
    read_on(ready, spec);
    ready.read_choice<rollout::NotifyAccess>("notify_access", spec.notify_access, notify_accesses);
    ready.read_duration("timeout", spec.timeout, "\"60s\"");
    ready.read_duration("delay", spec.delay, "\"2s\"");
    ready.read_integer("fd", spec.fd, first_fd, last_fd);
    read_probe(ready, "startup", {.least_failures = 0}, spec.startup);
    read_probe(ready, "probe", {.failure_threshold = 0, .least_failures = 0}, spec.probe);
    read_hook(ready, "post_ready", {.on_failure = rollout::HookFailure::fail}, spec.post_ready);
    ready.finish();
}

void read_live(Table& live, rollout::LiveSpec& spec) {
    Duration watchdog{};
    if (live.read_duration("watchdog", watchdog, "\"10s\""))
        spec.watchdog = watchdog;
    read_probe(live, "probe", {}, spec.probe);
    if (!live.has("watchdog") && !live.has("probe"))
        live.refuse_all("it says nothing; write watchdog = \"10s\" for a worker that sends "
                        "WATCHDOG=1, or probe = { http = \"/healthz\", listener = \"NAME\" }, or "
                        "take [live] out");
    live.finish();
}

void read_recycle(Table& recycle, rollout::RecycleSpec& spec) {
    Duration age{};
    if (recycle.read_duration("max_age", age, "\"1d\""))
        spec.max_age = age;
    recycle.read_size("max_memory", spec.max_memory, "\"512M\"");
    recycle.read_duration("interval", spec.interval, "\"10s\"");
    if (!recycle.has("max_age") && !recycle.has("max_memory"))
        recycle.refuse_all("it says nothing; write max_age = \"1d\" or max_memory = \"512M\", or "
                           "take [recycle] out");
    else if (recycle.has("interval") && !recycle.has("max_memory"))
        recycle.refuse("interval", "it is how often the memory is looked at, and there is no "
                                   "max_memory; write max_memory = \"512M\" or take it out");
    recycle.finish();
}

} // namespace svc::wire::service_file
