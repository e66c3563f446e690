#include "svcd/front/metrics_collector.h"

#include <algorithm>
#include <array>

namespace svc::daemon {

namespace {

using namespace std::chrono_literals;
using rollout::EventKind;
using rollout::State;
using rollout::Verdict;
using rollout::Worker;
using wire::MetricFamily;
using wire::MetricLabels;

constexpr std::array<Duration, 12> length_bounds{100ms, 500ms, 1s,   2500ms, 5s,    10s,
                                                 30s,   60s,   2min, 5min,   10min, 1h};
constexpr std::array<Duration, 6> lateness_bounds{100us, 1ms, 10ms, 100ms, 1s, 10s};

constexpr std::array restart_reasons{"exit",        "signal",     "out_of_memory",
                                     "not_started", "not_ready",  "unhealthy",
                                     "max_age",     "max_memory", "unknown"};
constexpr std::array results{Verdict::complete, Verdict::rolled_back, Verdict::failed,
                             Verdict::superseded, Verdict::aborted};
constexpr std::array worker_states{"launching", "starting", "ready",   "available",
                                   "draining",  "stopping", "killing", "exited"};

/// "rolled_back"
std::string word_of(Verdict verdict) {
    std::string word(rollout::describe(verdict));
    std::replace(word.begin(), word.end(), ' ', '_');
    return word;
}

const char* reason_of_death(const Worker& worker) {
    if (worker.retirement == rollout::Retirement::failed)
        return worker.ready_at ? "unhealthy" : "not_ready";
    if (!worker.exit)
        return "unknown";
    if (worker.exit->out_of_memory)
        return "out_of_memory";
    switch (worker.exit->kind) {
    case rollout::ExitStatus::Kind::code:
        return "exit";
    case rollout::ExitStatus::Kind::signal:
        return "signal";
    case rollout::ExitStatus::Kind::launch:
        return "not_started";
    case rollout::ExitStatus::Kind::unknown:
        break;
    }
    return "unknown";
}

/// As rollout/health.cpp chooses: its size before its age.
const char* reason_of_recycling(const Worker& worker, const State& state) {
    const auto revision = state.revisions.find(worker.revision);
    const auto limit = revision == state.revisions.end() ? std::optional<std::uint64_t>()
                                                         : revision->second.spec.recycle.max_memory;
    return limit && worker.excess_memory > *limit ? "max_memory" : "max_age";
}

void count_worker(wire::MetricTotals& totals, const rollout::Event& event, const State& state,
                  const Worker& worker, Instant now) {
    switch (event.kind) {
    case EventKind::worker_ready:
        totals.ready.add(now - worker.launched_at, length_bounds);
        break;
    case EventKind::worker_restarting:
        ++totals.restarts[reason_of_death(worker)];
        break;
    case EventKind::worker_recycled:
        ++totals.restarts[reason_of_recycling(worker, state)];
        break;
    case EventKind::worker_killed:
        // Not one that a stop *now* or a launch that was called off kills.
        if (worker.drain_began && now >= worker.stop_deadline)
            ++totals.killed;
        break;
    case EventKind::worker_exited:
        if (worker.drain_began)
            totals.drain.add(now - *worker.drain_began, length_bounds);
        break;
    default:
        break;
    }
}

/// The families of one service, put together.
class Collection {
public:
    explicit Collection(const MetricsSource& source)
        : source_(source), own_{{"service", source.status.service}} {}

    std::vector<MetricFamily> all();

private:
    void supervisor();
    void service();
    void workers();
    void counters();
    void listeners();

    MetricFamily& begin(std::string_view type, std::string_view name, std::string_view unit,
                        std::string_view help) {
        return families_.emplace_back(wire::make_family(type, name, unit, help));
    }
    void one(std::string_view type, std::string_view name, std::string_view unit,
             std::string_view help, double value) {
        add_sample(begin(type, name, unit, help), own_, value);
    }
    void histogram(std::string_view name, std::string_view help, const wire::DurationTotals& totals,
                   std::span<const Duration> bounds) {
        add_histogram(begin("histogram", name, "seconds", help), own_, totals, bounds);
    }
    [[nodiscard]] MetricLabels with(MetricLabels labels) const {
        labels.insert(own_.begin(), own_.end());
        return labels;
    }

    const MetricsSource& source_;
    MetricLabels own_;
    std::vector<MetricFamily> families_;
};

double seconds(Duration length) {
    return std::chrono::duration<double>(length).count();
}

void Collection::supervisor() {
    one("gauge", "svc_up", "", "Whether the supervisor of the service answers.", 1);
    add_sample(begin("info", "svc_supervisor", "", "The supervisor."),
               with({{"version", source_.status.version}}), 1);
    one("gauge", "svc_supervisor_generation", "",
        "Supervisors that took over one from the other, up to this one.",
        static_cast<double>(source_.status.generation));
    one("gauge", "svc_supervisor_start_time_seconds", "seconds",
        "When this supervisor began, since 1970.", seconds(source_.started.time_since_epoch()));
    if (const auto used = source_.status.supervisor_cpu_us)
        one("counter", "svc_supervisor_cpu_seconds", "seconds",
            "Processor time that this supervisor took.", seconds(Duration(*used)));
    if (const auto used = source_.status.supervisor_memory)
        one("gauge", "svc_supervisor_memory_bytes", "bytes",
            "Memory of the supervisor that nobody else has.", static_cast<double>(*used));
    histogram("svc_supervisor_loop_latency_seconds",
              "How much later than due the supervisor began what it had to do.",
              source_.latency.totals, lateness_bounds);
    one("gauge", "svc_supervisor_loop_latency_max_seconds", "seconds",
        "The longest of these since it began.", seconds(source_.latency.most));
}

void Collection::service() {
    const State& state = source_.state;
    one("gauge", "svc_revision", "", "The revision that completed last.",
        static_cast<double>(state.current));
    one("gauge", "svc_replicas", "", "Workers that there are to be.", state.replicas);
    one("gauge", "svc_replicas_available", "",
        "Workers that are available, without a kept old set.", source_.status.available);
    one("gauge", "svc_rollout_in_progress", "", "Whether a rollout is under way.",
        state.rollout ? 1 : 0);
    one("gauge", "svc_rollout_paused", "", "Whether it is paused.",
        state.rollout && state.rollout->paused_at ? 1 : 0);
    one("gauge", "svc_frozen", "", "Whether rollouts are refused.", state.frozen ? 1 : 0);
}

void Collection::workers() {
    // 0 is told, too, of the revisions that are there: a series that comes and goes cannot be compared.
    std::map<std::string, std::map<std::string, double>> by_revision;
    by_revision[std::to_string(rollout::target_revision(source_.state))];
    std::map<std::pair<std::string, std::string>, double> connections;
    std::map<std::pair<std::string, std::string>, double> memory;
    std::map<std::pair<std::string, std::string>, double> processor;
    for (const wire::WorkerStatus& worker : source_.status.workers) {
        const std::string revision = std::to_string(worker.revision);
        const std::pair place(revision, std::to_string(worker.replica));
        ++by_revision[revision][worker.state];
        if (worker.connections)
            connections[place] += static_cast<double>(*worker.connections);
        if (worker.memory)
            memory[place] += static_cast<double>(*worker.memory);
        if (worker.cpu_us)
            processor[place] += seconds(Duration(*worker.cpu_us));
    }
    MetricFamily& states = begin("gauge", "svc_workers", "", "Workers by revision and state.");
    for (auto& [revision, count] : by_revision)
        for (const char* state : worker_states)
            add_sample(states, with({{"revision", revision}, {"state", state}}), count[state]);
    const auto places = [&](MetricFamily& family, const auto& values) {
        for (const auto& [place, value] : values)
            add_sample(family, with({{"revision", place.first}, {"replica", place.second}}), value);
    };
    places(begin("gauge", "svc_worker_connections", "",
                 "Connections that a worker has accepted "
                 "and that are open."),
           connections);
    places(begin("gauge", "svc_worker_memory_bytes", "bytes", "Memory that a worker uses."),
           memory);
    places(
        begin("counter", "svc_worker_cpu_seconds", "seconds", "Processor time that a worker took."),
        processor);
}

void Collection::counters() {
    const wire::MetricTotals& totals = source_.totals;
    const auto count = [](const auto& map, const std::string& word) {
        const auto found = map.find(word);
        return found == map.end() ? 0.0 : static_cast<double>(found->second);
    };
    MetricFamily& restarts =
        begin("counter", "svc_worker_restarts", "",
              "Workers of the serving revision that had to be started again, by reason.");
    for (const char* reason : restart_reasons)
        add_sample(restarts, with({{"reason", reason}}), count(totals.restarts, reason));
    one("counter", "svc_workers_killed", "",
        "Workers that were killed because they were not gone at the end of their grace.",
        static_cast<double>(totals.killed));
    MetricFamily& rollouts =
        begin("counter", "svc_rollouts", "", "Rollouts that ended, by result.");
    for (const Verdict verdict : results)
        add_sample(rollouts, with({{"result", word_of(verdict)}}),
                   count(totals.rollouts, word_of(verdict)));
    histogram("svc_rollout_duration_seconds", "From the begin of a rollout to its verdict.",
              totals.rollout, length_bounds);
    histogram("svc_worker_ready_duration_seconds",
              "From the launch of a worker until it was ready.", totals.ready, length_bounds);
    histogram("svc_worker_drain_duration_seconds",
              "From the moment that a worker was to go until it was gone.", totals.drain,
              length_bounds);
}

void Collection::listeners() {
    const auto each = [this](MetricFamily& family, const auto& value_of) {
        for (const wire::ListenerStatus& listener : source_.status.listeners)
            if (const std::optional<double> value = value_of(listener))
                add_sample(family, with({{"listener", listener.name}}), *value);
    };
    const auto real = [](const std::optional<std::uint64_t>& number) {
        return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
    };
    each(begin("gauge", "svc_listener_queue", "", "Connections that wait to be accepted."),
         [&](const wire::ListenerStatus& listener) { return real(listener.queue); });
    each(begin("gauge", "svc_listener_backlog", "", "How many may wait."),
         [](const wire::ListenerStatus& listener) {
             return listener.backlog == 0
                        ? std::nullopt
                        : std::optional(static_cast<double>(listener.backlog) * listener.sockets);
         });
    each(begin("counter", "svc_listener_drops", "",
               "Connections and datagrams that there was no room for."),
         [&](const wire::ListenerStatus& listener) { return real(listener.drops); });
    each(begin("gauge", "svc_listener_damaged", "",
               "Whether a worker damaged it in a way that only a restart repairs."),
         [](const wire::ListenerStatus& listener) {
             return std::optional(listener.problem.empty() ? 0.0 : 1.0);
         });
}

std::vector<MetricFamily> Collection::all() {
    supervisor();
    service();
    workers();
    counters();
    listeners();
    return std::move(families_);
}

} // namespace

void LoopLatency::add(Duration late) {
    totals.add(late, lateness_bounds);
    most = std::max(most, late);
}

void count_event(wire::MetricTotals& totals, const rollout::Event& event, const State& state,
                 Instant now) {
    if (event.kind == EventKind::rollout_ended && event.verdict) {
        ++totals.rollouts[word_of(*event.verdict)];
        // One that was called off while it waited never began.
        const auto* outcome = rollout::find_outcome(state, event.revision);
        if (outcome != nullptr && outcome->ended > outcome->began)
            totals.rollout.add(outcome->ended - outcome->began, length_bounds);
    }
    if (const auto worker = state.workers.find(event.worker); worker != state.workers.end())
        count_worker(totals, event, state, worker->second, now);
}

std::vector<MetricFamily> collect_metrics(const MetricsSource& source) {
    return Collection(source).all();
}

} // namespace svc::daemon
