#include "svc/draw/render.h"

#include "base/text.h"
#include "os/clock.h"
#include "svc/draw/overview.h"
#include "svc/screen/table.h"

#include <algorithm>

namespace svc::cli {
namespace {

using wire::ReplicaStatus;
using wire::ServiceStatus;
using wire::WorkerStatus;

constexpr std::size_t shown_listeners = 20;

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

Tint tint_of(std::string_view state) {
    if (state == "available" || state == "complete")
        return Tint::good;
    if (state == "failed" || state == "rolled back" || state == "killing" || state == "down")
        return Tint::bad;
    return Tint::busy;
}

std::string since(std::int64_t then_us, WallTime now) {
    const auto then = WallTime(Duration(then_us));
    return format_rough(
        std::max(std::chrono::floor<std::chrono::seconds>(now - then), std::chrono::seconds(0)));
}

void add_fact(std::string& text, std::string_view name, std::string_view value,
              const Terminal& terminal) {
    if (value.empty())
        return;
    constexpr std::size_t indent = 2 + 10;
    const auto room = terminal.width > indent ? terminal.width - indent : value.size() * 2;
    text += "  " + tinted(padded(name, 10), Tint::faint, terminal.color);
    text += (terminal.width == 0 ? std::string(value) : fit(value, room)) + '\n';
}

/// One that is never cut.
void add_whole_fact(std::string& text, std::string_view name, std::string_view value,
                    const Terminal& terminal) {
    if (!value.empty())
        text += "  " + tinted(padded(name, 10), Tint::faint, terminal.color) + safe(value) + '\n';
}

/// The reason is never cut: it is what somebody looks for here.
void add_rollout(std::string& text, const ServiceStatus& status, const Terminal& terminal) {
    if (status.rollout.empty())
        return;
    const auto& rollout = status.rollout.front();
    std::string line = tinted(safe(rollout.phase), tint_of(rollout.phase), terminal.color);
    if (rollout.from != 0)
        line += ", " + number(rollout.from) + " → " + number(rollout.to);
    else
        line += ", revision " + number(rollout.to);
    if (!rollout.reason.empty())
        line += ": " + safe(rollout.reason);
    text += "  " + tinted(padded("rollout", 10), Tint::faint, terminal.color) + line + '\n';
    add_whole_fact(text, "step", rollout.step, terminal);
    add_whole_fact(text, "paused", rollout.paused, terminal);
    add_whole_fact(text, "failed", rollout.failure, terminal);
    text += render_output(rollout.last_output);
}

/// What a crash starts again. Never cut: the end says what is not covered.
void add_guarantee(std::string& text, const ServiceStatus& status, const Terminal& terminal) {
    if (!status.guarantee.empty())
        text += "  " + tinted(padded("crash", 10), Tint::faint, terminal.color) +
                safe(status.guarantee) + '\n';
}

std::string supervisor_of(const ServiceStatus& status) {
    std::string text = "pid " + std::to_string(status.supervisor_pid);
    if (!status.version.empty())
        text += ", " + safe(status.version);
    // Worth a word once one took over from another.
    if (status.generation > 1)
        text += ", generation " + number(status.generation);
    return text;
}

void add_facts(std::string& text, const ServiceStatus& status, WallTime now,
               const Terminal& terminal) {
    if (status.revision != 0) {
        std::string revision = number(status.revision) + ", " + safe(status.cause);
        revision += ", " + render_time(WallTime(Duration(status.revision_made_at_us)));
        revision += " (" + since(status.revision_made_at_us, now) + " ago)";
        add_fact(text, "revision", revision, terminal);
    }
    add_rollout(text, status, terminal);
    if (status.pending != 0)
        add_fact(text, "pending", "revision " + number(status.pending), terminal);
    add_whole_fact(text, "kept", status.kept, terminal);
    add_whole_fact(text, "frozen", status.frozen, terminal);
    add_fact(text, "file", safe(status.service_file), terminal);
    add_guarantee(text, status, terminal);
    add_whole_fact(text, "limits", status.limits_problem, terminal);
    for (const auto& address : status.metrics)
        add_fact(text, "metrics", safe(address), terminal);
    if (status.supervisor_pid != 0)
        add_fact(text, "svcd", supervisor_of(status), terminal);
    add_whole_fact(text, "upgrade", status.upgrade_problem, terminal);
}

std::string restarts_of(const ServiceStatus& status, std::uint32_t replica) {
    for (const auto& each : status.replica_list)
        if (each.index == replica)
            return number(each.restarts);
    return {};
}

/// Of one worker at least.
bool is_known(const ServiceStatus& status, std::optional<std::uint64_t> WorkerStatus::*member) {
    return std::any_of(status.workers.begin(), status.workers.end(),
                       [member](const auto& worker) { return (worker.*member).has_value(); });
}

Table workers_table(const ServiceStatus& status, bool notes) {
    Table table({{"REPLICA"},
                 {"REV"},
                 {"STATE"},
                 {"PID"},
                 {"AGE"},
                 {"RESTARTS"},
                 {"MEM"},
                 {"CONNS"},
                 {"WAITS FOR", true},
                 {"STATUS", true}});
    // Where nothing can be said of any there is no such column.
    const bool counted = is_known(status, &WorkerStatus::connections);
    const bool weighed = is_known(status, &WorkerStatus::memory);
    const auto connections_of = [&](const WorkerStatus& worker) -> std::string {
        if (worker.connections)
            return number(*worker.connections);
        return counted ? "?" : "";
    };
    const auto add_worker = [&](const WorkerStatus& worker) {
        const std::string said = safe(worker.status_text);
        const auto age = std::chrono::floor<std::chrono::seconds>(Duration(worker.age_us));
        table.add({{number(worker.replica)},
                   {number(worker.revision)},
                   {safe(worker.state), tint_of(worker.state)},
                   {worker.pid > 0 ? std::to_string(worker.pid) : "-"},
                   {format_rough(age)},
                   {restarts_of(status, worker.replica)},
                   {worker.memory ? short_size(*worker.memory)
                    : weighed     ? "?"
                                  : ""},
                   {connections_of(worker)},
                   {safe(worker.waits_for)},
                   {notes ? "" : said}},
                  notes ? said : "");
    };
    const auto add_empty = [&](const ReplicaStatus& replica) {
        table.add({{number(replica.index)},
                   {"-"},
                   {"down", Tint::bad},
                   {"-"},
                   {"-"},
                   {number(replica.restarts)},
                   {weighed ? "-" : ""},
                   {counted ? "-" : ""},
                   {safe(replica.waits_for)},
                   {""}});
    };
    auto worker = status.workers.begin();
    for (const auto& replica : status.replica_list) {
        for (; worker != status.workers.end() && worker->replica < replica.index; ++worker)
            add_worker(*worker);
        const bool empty = worker == status.workers.end() || worker->replica != replica.index;
        if (empty || !replica.waits_for.empty())
            add_empty(replica);
    }
    for (; worker != status.workers.end(); ++worker)
        add_worker(*worker);
    return table;
}

/// What workers said goes below their rows where there is no room beside them.
std::string workers_text(const ServiceStatus& status, const Terminal& terminal) {
    const auto table = workers_table(status, false);
    return table.fits(terminal) ? table.text(terminal) : workers_table(status, true).text(terminal);
}

std::string listeners_table(const ServiceStatus& status, const Terminal& terminal) {
    Table table({{"LISTENER"}, {"ADDRESS"}, {"BACKLOG"}, {"SOCKETS"}, {"PROBLEM"}});
    const bool groups = std::any_of(status.listeners.begin(), status.listeners.end(),
                                    [](auto& listener) { return listener.sockets > 1; });
    const auto shown = std::min(status.listeners.size(), shown_listeners);
    for (std::size_t index = 0; index < shown; ++index) {
        const auto& listener = status.listeners[index];
        table.add({{safe(listener.name)},
                   {safe(listener.address)},
                   {listener.backlog > 0 ? number(listener.backlog) : "-"},
                   {groups ? number(listener.sockets) : ""},
                   {safe(listener.problem)}});
    }
    std::string text = table.text(terminal);
    if (shown < status.listeners.size())
        text += "… and " + number(status.listeners.size() - shown) + " more; --json shows all\n";
    return text;
}

} // namespace

std::string render_time(WallTime time) {
    return os::local_time_text(time);
}

std::string render_output(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += "    | " + safe(line) + '\n';
    return text;
}

std::string render_status(const ServiceStatus& status, WallTime now, const Terminal& terminal) {
    std::string text = safe(status.service) + ": " + safe(status.summary) + '\n';
    add_facts(text, status, now, terminal);
    for (const auto& table : {workers_text(status, terminal), listeners_table(status, terminal)})
        if (!table.empty())
            text += '\n' + table;
    return text;
}

std::string render_event(const rollout::Event& event) {
    std::string text = render_time(event.at) + "  " + padded(number(event.sequence), 4) + "  ";
    return text + safe(wire::sentence_of(event)) + '\n';
}

} // namespace svc::cli
