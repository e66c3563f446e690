#include "svc/draw/top_rows.h"

#include "base/text.h"
#include "svc/draw/overview.h"

#include <algorithm>

namespace svc::cli {
namespace {

using Row = TopRow;
using Service = TopModel::Service;
using wire::ServiceStatus;
using wire::WorkerStatus;

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string percent(const std::optional<double>& value) {
    if (!value)
        return "-";
    const auto tenths = static_cast<std::uint64_t>(std::max(*value, 0.0) * 10 + 0.5);
    // Of many processors nobody counts tenths.
    return number(tenths / 10) + (tenths < 10'000 ? "." + number(tenths % 10) : "");
}

template <class Text>
std::string known(const std::optional<std::uint64_t>& value, Text&& text) {
    return value ? text(*value) : "-";
}

/// What rows are sorted by.
struct Weight {
    double cpu = -1;
    std::uint64_t memory = 0;
    std::uint64_t connections = 0;
    std::uint64_t restarts = 0;
};

bool heavier(const Weight& left, const Weight& right, TopSort sort) {
    switch (sort) {
    case TopSort::name:
        return false; // as they come
    case TopSort::cpu:
        return left.cpu > right.cpu;
    case TopSort::memory:
        return left.memory > right.memory;
    case TopSort::connections:
        return left.connections > right.connections;
    case TopSort::restarts:
        return left.restarts > right.restarts;
    }
    fatal("heavier(): no such order");
}

template <class Item, class Weigh>
void sort_by(std::vector<Item>& items, TopSort sort, Weigh&& weigh) {
    std::stable_sort(items.begin(), items.end(), [&](const Item& left, const Item& right) {
        return heavier(weigh(left), weigh(right), sort);
    });
}

std::uint64_t restarts_at(const ServiceStatus& status, std::uint32_t replica) {
    for (const auto& each : status.replica_list)
        if (each.index == replica)
            return each.restarts;
    return 0;
}

std::optional<double> cpu_at(const Service& service, const std::string& worker) {
    const auto found = service.cpu.find(worker);
    return found == service.cpu.end() ? std::nullopt : std::optional(found->second);
}

std::string age_text(std::int64_t microseconds) {
    return format_rough(std::chrono::floor<std::chrono::seconds>(
        std::max(Duration(microseconds), Duration::zero())));
}

/// It does not answer, or is not there. What is known of its workers is of another time then.
Row row_of_problem(const Service& service) {
    std::string problem = safe(service.problem);
    if (service.status)
        problem += "; what follows is " + age_text(service.silent.count()) + " old";
    return {.name = safe(service.name), .state = std::move(problem), .tint = Tint::bad};
}

Row row_of(const Service& service, WallTime now) {
    if (!service.problem.empty() || !service.status)
        return row_of_problem(service);
    const ServiceStatus& status = *service.status;
    Row row{.name = safe(service.name), .state = state_word(status), .own_line = true};
    row.tint = tint_of_state(row.state);
    const std::int64_t age = (now - WallTime(Duration(status.revision_made_at_us))).count();
    row.numbers = {status.revision != 0 ? age_text(age) : "", number(restarts_of(status)),
                   percent(service.cpu_of_workers()), known(memory_of(status), short_size),
                   known(connections_of(status), number)};
    const auto problems = problems_of(status);
    row.words = under_way(status);
    if (row.words.empty())
        row.words = problems.empty() ? "" : problems.front();
    row.words_tint = problems.empty() ? Tint::none : Tint::bad;
    return row;
}

Row row_of(const Service& service, const WorkerStatus& worker) {
    Row row{.name = "  " + safe(worker.name), .state = safe(worker.state)};
    row.tint = tint_of_worker(worker.state);
    row.numbers = {age_text(worker.age_us), number(restarts_at(*service.status, worker.replica)),
                   percent(cpu_at(service, worker.name)), known(worker.memory, short_size),
                   known(worker.connections, number)};
    row.words = safe(worker.waits_for);
    if (!worker.status_text.empty())
        row.words += (row.words.empty() ? "" : "  ") + safe(worker.status_text);
    return row;
}

/// What is there beside the workers: replicas that have none, and the supervisor itself.
void add_others(const Service& service, std::vector<Row>& rows) {
    const ServiceStatus& status = *service.status;
    for (const auto& replica : status.replica_list) {
        const bool filled =
            std::any_of(status.workers.begin(), status.workers.end(),
                        [&](const auto& worker) { return worker.replica == replica.index; });
        if (!filled)
            rows.push_back({.name = "  r?-" + number(replica.index),
                            .state = "down",
                            .tint = Tint::bad,
                            .numbers = {"", number(replica.restarts)},
                            .words = safe(replica.waits_for)});
    }
    rows.push_back({.name = "  svcd",
                    .numbers = {"", "", percent(service.supervisor_cpu),
                                known(status.supervisor_memory, short_size)},
                    .words = "pid " + std::to_string(status.supervisor_pid),
                    .words_tint = Tint::faint});
}

/// Of a service that does not answer: what moves is not known, and nothing looks as if it were well.
void make_old(Row& row) {
    row.tint = row.words_tint = Tint::faint;
    for (const std::size_t each : {2u, 4u}) // CPU, connections
        if (!row.numbers[each].empty())
            row.numbers[each] = "-";
}

void add_workers(const Service& service, TopSort sort, std::vector<Row>& rows) {
    std::vector<const WorkerStatus*> workers;
    workers.reserve(service.status->workers.size());
    for (const auto& worker : service.status->workers)
        workers.push_back(&worker);
    sort_by(workers, sort, [&](const WorkerStatus* worker) {
        return Weight{cpu_at(service, worker->name).value_or(-1), worker->memory.value_or(0),
                      worker->connections.value_or(0),
                      restarts_at(*service.status, worker->replica)};
    });
    const auto first = static_cast<std::ptrdiff_t>(rows.size());
    for (const WorkerStatus* worker : workers)
        rows.push_back(row_of(service, *worker));
    add_others(service, rows);
    if (!service.problem.empty())
        std::for_each(rows.begin() + first, rows.end(), make_old);
}

std::string counted(std::size_t count, std::string_view what) {
    return number(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

} // namespace

std::vector<TopRow> top_rows(const TopModel& model, const TopView& view, WallTime now) {
    std::vector<const Service*> services;
    services.reserve(model.services().size());
    for (const auto& service : model.services())
        services.push_back(&service);
    sort_by(services, view.sort, [](const Service* service) {
        if (!service->status)
            return Weight{};
        return Weight{service->cpu_of_workers().value_or(-1),
                      memory_of(*service->status).value_or(0),
                      connections_of(*service->status).value_or(0), restarts_of(*service->status)};
    });
    std::vector<Row> rows;
    for (const Service* service : services) {
        rows.push_back(row_of(*service, now));
        if (!service->status || view.collapsed)
            continue;
        add_workers(*service, view.sort, rows);
    }
    return rows;
}

/// "3 services: 2 serve, 1 rolling out"
std::string services_line(const TopModel& model) {
    std::map<std::string, std::size_t> counts;
    for (const auto& service : model.services())
        ++counts[service.status && service.problem.empty() ? state_word(*service.status)
                                                           : safe(service.problem)];
    std::vector<std::string> parts;
    for (const auto& [word, count] : counts)
        parts.push_back(number(count) + " " + word);
    return counted(model.services().size(), "service") + (parts.empty() ? "" : ": ") +
           join(parts, ", ");
}

std::string totals_line(const TopModel& model) {
    std::size_t workers = 0;
    std::optional<double> cpu;
    std::optional<std::uint64_t> memory;
    std::optional<std::uint64_t> connections;
    const auto add = [](auto& sum, const auto& value) {
        if (value)
            sum = sum.value_or(0) + *value;
    };
    for (const auto& service : model.services()) {
        if (!service.status || !service.problem.empty())
            continue;
        workers += service.status->workers.size();
        add(cpu, service.cpu_of_workers());
        add(cpu, service.supervisor_cpu);
        add(memory, memory_of(*service.status));
        add(memory, service.status->supervisor_memory);
        add(connections, connections_of(*service.status));
    }
    return counted(workers, "worker") + ", CPU " + percent(cpu) + (cpu ? "%" : "") + ", memory " +
           known(memory, short_size) + ", connections " + known(connections, number);
}

} // namespace svc::cli
