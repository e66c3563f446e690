#include "svc/draw/top.h"

#include "base/text.h"
#include "svc/draw/overview.h"
#include "svc/draw/render.h"

#include <algorithm>
#include <array>

namespace svc::cli {
namespace {

using Service = TopModel::Service;
using wire::ServiceStatus;
using wire::WorkerStatus;

constexpr std::array<std::string_view, top_sorts> sort_names = {"name", "CPU", "memory",
                                                                "connections", "restarts"};
constexpr std::size_t lines_above = 4; // two of totals, an empty one, the titles
constexpr std::size_t lines_below = 1; // the keys

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string percent(const std::optional<double>& value) {
    if (!value)
        return "-";
    const auto tenths = static_cast<std::uint64_t>(std::max(*value, 0.0) * 10 + 0.5);
    return number(tenths / 10) + "." + number(tenths % 10);
}

template <class Text>
std::string known(const std::optional<std::uint64_t>& value, Text&& text) {
    return value ? text(*value) : "-";
}

/// One line below the titles, and what it is sorted by.
struct Row {
    std::string name;
    std::string state;
    Tint tint = Tint::none;
    std::string age;
    std::string restarts;
    std::string cpu;
    std::string memory;
    std::string connections;
    std::string words;
    Tint words_tint = Tint::none;
};
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

Row row_of(const Service& service, WallTime now) {
    Row row{.name = safe(service.name)};
    if (!service.status) {
        row.state = safe(service.problem);
        row.tint = Tint::bad;
        return row;
    }
    const ServiceStatus& status = *service.status;
    row.state = service.problem.empty() ? state_word(status) : safe(service.problem);
    row.tint = service.problem.empty() ? tint_of_state(row.state) : Tint::bad;
    if (status.revision != 0)
        row.age = age_text((now - WallTime(Duration(status.revision_made_at_us))).count());
    row.restarts = number(restarts_of(status));
    row.cpu = percent(service.cpu_of_workers());
    row.memory = known(memory_of(status), short_size);
    row.connections = known(connections_of(status), number);
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
    row.age = age_text(worker.age_us);
    row.restarts = number(restarts_at(*service.status, worker.replica));
    row.cpu = percent(cpu_at(service, worker.name));
    row.memory = known(worker.memory, short_size);
    row.connections = known(worker.connections, number);
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
            rows.push_back({.name = "  replica " + number(replica.index),
                            .state = "down",
                            .tint = Tint::bad,
                            .restarts = number(replica.restarts),
                            .words = safe(replica.waits_for)});
    }
    rows.push_back({.name = "  svcd",
                    .cpu = percent(service.supervisor_cpu),
                    .memory = known(status.supervisor_memory, short_size),
                    .words = "pid " + std::to_string(status.supervisor_pid),
                    .words_tint = Tint::faint});
}

std::vector<Row> rows_of(const TopModel& model, const TopView& view, WallTime now) {
    std::vector<const Service*> services;
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
        std::vector<const WorkerStatus*> workers;
        for (const auto& worker : service->status->workers)
            workers.push_back(&worker);
        sort_by(workers, view.sort, [&](const WorkerStatus* worker) {
            return Weight{cpu_at(*service, worker->name).value_or(-1), worker->memory.value_or(0),
                          worker->connections.value_or(0),
                          restarts_at(*service->status, worker->replica)};
        });
        for (const WorkerStatus* worker : workers)
            rows.push_back(row_of(*service, *worker));
        add_others(*service, rows);
    }
    return rows;
}

/// How wide the columns are whose contents decide it.
struct Layout {
    std::size_t name = 0;
    std::size_t state = 0;
    std::size_t room = 0;
};

Layout layout_of(const std::vector<Row>& rows, const Terminal& terminal) {
    constexpr std::size_t widest_name = 24;
    // Wide enough for every state of every day, so that nothing jumps when one begins.
    Layout layout{.name = 10, .state = 11, .room = terminal.width};
    for (const Row& row : rows) {
        layout.name = std::max(layout.name, columns_of(row.name));
        layout.state = std::max(layout.state, columns_of(row.state));
    }
    layout.name = std::min(layout.name, widest_name);
    layout.state = std::min(layout.state, widest_name);
    return layout;
}

std::string right(const std::string& text, std::size_t width) {
    const std::size_t columns = columns_of(text);
    return columns >= width ? fit(text, width) : std::string(width - columns, ' ') + text;
}

/// The columns of `row` as far as there is room for them, the words last.
std::string line_of(const Row& row, const Layout& layout, bool color, Tint all = Tint::none) {
    struct Part {
        std::string text;
        Tint tint = Tint::none;
    };
    const std::array<Part, 7> parts = {
        Part{padded(fit(row.name, layout.name), layout.name)},
        Part{padded(fit(row.state, layout.state), layout.state), row.tint},
        Part{right(row.age, 7)},
        Part{right(row.restarts, 8)},
        Part{right(row.cpu, 6)},
        Part{right(row.memory, 5)},
        Part{right(row.connections, 6)},
    };
    constexpr std::size_t least_words = 4;
    std::string line;
    std::size_t used = 0;
    for (const Part& part : parts) {
        const std::size_t columns = columns_of(part.text) + (used > 0 ? 1 : 0);
        if (layout.room > 0 && used + columns > layout.room)
            return line;
        line += used > 0 ? " " : "";
        line += tinted(part.text, all == Tint::none ? part.tint : all, color);
        used += columns;
    }
    if (row.words.empty() || (layout.room > 0 && used + 2 + least_words > layout.room))
        return line;
    const std::string words = layout.room > 0 ? fit(row.words, layout.room - used - 2) : row.words;
    return line + "  " + tinted(words, all == Tint::none ? row.words_tint : all, color);
}

std::string trimmed(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string counted(std::size_t count, std::string_view what) {
    return number(count) + " " + std::string(what) + (count == 1 ? "" : "s");
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

/// What all of them use together; of the supervisors, too.
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
        if (!service.status)
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

std::string spread(const std::string& left, const std::string& end, std::size_t width) {
    const std::size_t taken = columns_of(left) + columns_of(end);
    if (end.empty() || taken + 2 > width)
        return fit(left, width);
    return left + std::string(width - taken, ' ') + end;
}

std::string keys_line(const TopView& view, std::size_t rows, std::size_t page, bool utf8,
                      std::size_t width) {
    const std::string keys = std::string("q quit  s sort: ") +
                             std::string(sort_names[static_cast<std::size_t>(view.sort)]) +
                             "  c workers: " + (view.collapsed ? "hidden" : "shown") +
                             (utf8 ? "  ↑↓ scroll" : "  arrows scroll");
    const std::size_t last = std::min(rows, view.first + page);
    return spread(
        keys,
        rows <= page ? "" : number(view.first + 1) + "-" + number(last) + " of " + number(rows),
        width);
}

} // namespace

std::size_t top_page(const Terminal& terminal) {
    return terminal.height > lines_above + lines_below + 1
               ? terminal.height - lines_above - lines_below
               : 1;
}

std::vector<std::string> draw_top(const TopModel& model, TopView& view, Duration interval,
                                  WallTime now, const Terminal& terminal) {
    const bool screen = terminal.interactive && terminal.height > 0;
    const auto rows = rows_of(model, view, now);
    const std::size_t page = screen ? top_page(terminal) : rows.size();
    view.first = std::min(view.first, rows.size() - std::min(rows.size(), page));
    std::string clock = render_time(now);
    if (screen)
        clock += ", every " + format_rough(interval);
    // A full line would leave the cursor behind its last column.
    Terminal inner = terminal;
    if (screen && terminal.width > 1)
        --inner.width;
    const std::size_t width = inner.width > 0 ? inner.width : 80;
    std::vector<std::string> lines{spread(services_line(model), clock, width),
                                   fit(totals_line(model), width), ""};
    const Layout layout = layout_of(rows, inner);
    const Row titles{.name = "SERVICE",
                     .state = "STATE",
                     .age = "AGE",
                     .restarts = "RESTARTS",
                     .cpu = "CPU%",
                     .memory = "MEM",
                     .connections = "CONNS",
                     .words = "WAITS FOR"};
    lines.push_back(line_of(titles, layout, terminal.color, Tint::faint));
    for (std::size_t at = view.first; at < std::min(rows.size(), view.first + page); ++at)
        lines.push_back(trimmed(line_of(rows[at], layout, terminal.color)));
    if (rows.empty())
        lines.emplace_back("no service runs here");
    if (!screen)
        return lines;
    lines.resize(terminal.height > 1 ? terminal.height - 1 : 1);
    if (terminal.height > 1)
        lines.push_back(tinted(keys_line(view, rows.size(), page, terminal.utf8, width),
                               Tint::faint, terminal.color));
    return lines;
}

} // namespace svc::cli
