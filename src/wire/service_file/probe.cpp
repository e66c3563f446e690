// Probes: a table with one of exec, http or tcp, and how often and how many times.
#include "wire/service_file/sections.h"

#include <array>

namespace svc::wire::service_file {

namespace {

constexpr std::string_view probe_forms =
    R"({ http = "/healthz", listener = "NAME" }, { tcp = "unix:/run/web-{worker}.sock" } or )"
    R"({ exec = ["/usr/local/bin/check"] })";
constexpr std::int64_t most_tries = 1000;

std::optional<rollout::Probing> read_probing(Table& probe, std::string_view kind) {
    if (kind == "exec") {
        rollout::ExecHook exec;
        if (probe.read_strings("exec", exec.command, R"(["/usr/local/bin/check"])"))
            return rollout::Probing(std::move(exec));
    } else if (kind == "http") {
        rollout::HttpProbe http;
        const bool right = probe.read_string("http", http.url, R"("/healthz")");
        const bool named = probe.read_string("listener", http.listener, R"("health")");
        if (right && named == probe.has("listener"))
            return rollout::Probing(std::move(http));
    } else {
        rollout::TcpProbe tcp;
        if (probe.read_string("tcp", tcp.address, R"("unix:/run/web-{worker}.sock")"))
            return rollout::Probing(std::move(tcp));
    }
    return std::nullopt;
}

void read_times(Table& probe, const ProbeDefaults& defaults, rollout::ProbeSpec& spec) {
    probe.read_duration("initial_delay", spec.initial_delay, "\"5s\"");
    probe.read_duration("interval", spec.interval, "\"1s\"");
    probe.read_duration("timeout", spec.timeout, "\"1s\"");
    probe.read_integer("success_threshold", spec.success_threshold, 1, most_tries);
    spec.failure_threshold = defaults.failure_threshold;
    probe.read_integer("failure_threshold", spec.failure_threshold, defaults.least_failures,
                       most_tries);
}

} // namespace

void read_probe(Table& parent, std::string_view key, const ProbeDefaults& defaults,
                std::optional<rollout::ProbeSpec>& probe) {
    constexpr std::array<std::string_view, 3> kinds{"exec", "http", "tcp"};
    auto table = parent.read_table(key, probe_forms);
    if (!table)
        return;
    rollout::ProbeSpec made;
    read_times(*table, defaults, made);
    std::vector<std::string_view> given;
    for (const std::string_view kind : kinds) {
        if (table->has(kind))
            given.push_back(kind);
    }
    std::optional<rollout::Probing> what;
    if (given.size() > 1)
        parent.refuse(key, "a probe asks one thing; keep one of exec, http and tcp");
    else if (given.size() == 1)
        what = read_probing(*table, given.front());
    if (what) {
        made.what = std::move(*what);
        probe = std::move(made);
    }
    if (table->has("listener") && !table->has("http"))
        table->refuse(
            "listener",
            table->has("tcp")
                ? "the supervisor itself holds a worker's own socket open, so that a "
                  "connect succeeds whatever the worker does; ask for an answer: "
                  "{ http = \"/healthz\", listener = \"NAME\" }"
                : "it belongs to http; write { http = \"/healthz\", listener = \"NAME\" } "
                  "or leave it out");
    if (given.empty() && !table->has("listener"))
        parent.refuse(key, "it does not say what to ask; write " + std::string(probe_forms));
    table->finish();
}

} // namespace svc::wire::service_file
