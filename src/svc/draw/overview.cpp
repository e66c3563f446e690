#include "svc/draw/overview.h"

#include "base/text.h"
#include "svc/screen/table.h"

#include <algorithm>
#include <array>

namespace svc::cli {
namespace {

using wire::ServiceStatus;
using wire::WorkerStatus;

std::string phase_of(const ServiceStatus& status) {
    return status.rollout.empty() ? "" : status.rollout.front().phase;
}

bool moves(const ServiceStatus& status) {
    const std::string phase = phase_of(status);
    return phase == "progressing" || phase == "paused" || phase == "rolling back";
}

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

/// Of a rollout that is over or goes back. A service that is whole must not look for ever as if it were not.
bool still_matters(const wire::RolloutStatus& rollout, const ServiceStatus& status) {
    constexpr Duration failure_is_news = std::chrono::hours(1);
    if (rollout.phase == "rolling back" || status.available < status.replicas)
        return true;
    if (was_asked_for(rollout.reason))
        return false;
    return !rollout.ended_ago_us || Duration(*rollout.ended_ago_us) < failure_is_news;
}

/// The sum where it is known of any: who is not to be seen counts as nothing then.
std::optional<std::uint64_t> sum_of(const ServiceStatus& status,
                                    std::optional<std::uint64_t> WorkerStatus::*member) {
    std::optional<std::uint64_t> sum;
    for (const auto& worker : status.workers)
        if (worker.*member)
            sum = sum.value_or(0) + *(worker.*member);
    return sum;
}

/// `any`: of one service at least it is known.
template <class Text>
std::string shown(const std::optional<std::uint64_t>& value, bool any, Text&& text) {
    return value ? text(*value) : any ? "?" : "";
}

} // namespace

std::string state_word(const ServiceStatus& status) {
    if (status.stopping)
        return "stopping";
    const std::string phase = phase_of(status);
    if (phase == "progressing")
        return status.rollout.front().from == 0 ? "starting" : "rolling out";
    if (moves(status))
        return safe(phase);
    if (status.replicas > 0 && status.available == 0)
        return "down";
    return status.available < status.replicas ? "degraded" : "serves";
}

Tint tint_of_state(const std::string& word) {
    if (word == "serves")
        return Tint::good;
    constexpr std::array<std::string_view, 4> busy = {"starting", "rolling out", "paused",
                                                      "stopping"};
    return std::find(busy.begin(), busy.end(), word) != busy.end() ? Tint::busy : Tint::bad;
}

Tint tint_of_worker(std::string_view state) {
    if (state == "available")
        return Tint::good;
    return state == "killing" || state == "down" ? Tint::bad : Tint::busy;
}

std::string under_way(const ServiceStatus& status) {
    if (moves(status) || status.pending != 0 || status.stopping)
        return safe(status.summary);
    return status.frozen.empty() ? "" : "frozen " + safe(status.frozen);
}

bool was_asked_for(std::string_view reason) {
    return reason.starts_with("aborted by ") || reason.starts_with("undone by ");
}

std::vector<std::string> problems_of(const ServiceStatus& status) {
    std::vector<std::string> all;
    if (!status.rollout.empty()) {
        const auto& rollout = status.rollout.front();
        if (!rollout.failure.empty())
            all.push_back("failed: " + safe(rollout.failure));
        else if ((rollout.phase == "rolled back" || rollout.phase == "failed" ||
                  rollout.phase == "rolling back") &&
                 !rollout.reason.empty() && still_matters(rollout, status))
            all.push_back("revision " + number(rollout.to) + " " + safe(rollout.phase) + ": " +
                          safe(rollout.reason));
    }
    for (const auto& replica : status.replica_list)
        if (!replica.waits_for.empty())
            all.push_back("replica " + number(replica.index) + ": " + safe(replica.waits_for));
    for (const auto& listener : status.listeners)
        if (!listener.problem.empty())
            all.push_back("listener " + safe(listener.name) + ": " + safe(listener.problem));
    if (!status.upgrade_problem.empty())
        all.push_back("upgrade: " + safe(status.upgrade_problem));
    return all;
}

std::uint64_t restarts_of(const ServiceStatus& status) {
    std::uint64_t sum = 0;
    for (const auto& replica : status.replica_list)
        sum += replica.restarts;
    return sum;
}

std::optional<std::uint64_t> memory_of(const ServiceStatus& status) {
    return sum_of(status, &WorkerStatus::memory);
}

std::optional<std::uint64_t> connections_of(const ServiceStatus& status) {
    return sum_of(status, &WorkerStatus::connections);
}

std::string short_size(std::uint64_t bytes) {
    constexpr std::array<char, 5> units = {'K', 'M', 'G', 'T', 'P'};
    std::size_t unit = 0;
    double value = static_cast<double>(bytes) / 1024;
    // What would be shown as 1000 is the next unit's.
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    const auto tenths = static_cast<std::uint64_t>(value * 10 + 0.5);
    std::string text = value < 9.95 && unit > 0 ? number(tenths / 10) + "." + number(tenths % 10)
                                                : number(static_cast<std::uint64_t>(value + 0.5));
    return text + units[unit];
}

std::string render_services(const std::vector<Seen>& services, const Terminal& terminal) {
    Table table({{"SERVICE"},
                 {"STATE"},
                 {"REV"},
                 {"AVAILABLE"},
                 {"WORKERS"},
                 {"RESTARTS"},
                 {"MEM"},
                 {"CONNS"},
                 {"UNDER WAY", true}});
    // Where nothing can be said of any there is no such column.
    const auto any = [&](auto&& value) {
        return std::any_of(services.begin(), services.end(), [&](const Seen& service) {
            return service.status && value(*service.status).has_value();
        });
    };
    const bool weighed = any(memory_of);
    const bool counted = any(connections_of);
    for (const auto& service : services) {
        if (!service.status) {
            table.add({{safe(service.name)},
                       {safe(service.problem), Tint::bad},
                       {""},
                       {""},
                       {""},
                       {""},
                       {""},
                       {""},
                       {""}});
            continue;
        }
        const ServiceStatus& status = *service.status;
        const std::string word = state_word(status);
        const auto problems = problems_of(status);
        table.add({{safe(service.name)},
                   {word, tint_of_state(word)},
                   {number(status.revision)},
                   {number(status.available) + "/" + number(status.replicas)},
                   {number(status.workers.size())},
                   {number(restarts_of(status))},
                   {shown(memory_of(status), weighed, short_size)},
                   {shown(connections_of(status), counted, number)},
                   {under_way(status)}},
                  join(problems, "; "));
    }
    return table.text(terminal);
}

} // namespace svc::cli
