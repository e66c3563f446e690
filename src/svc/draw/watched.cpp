#include "svc/draw/watched.h"

#include "base/text.h"
#include "svc/screen/bar.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace svc::cli {
namespace {

using Entry = Watched::Worker;

constexpr std::size_t widest_name = 24;
constexpr std::size_t widest_state = 9; // "available"
/// Long enough to be read; then it would only seem to be so still.
constexpr Duration news_last = std::chrono::seconds(5);

/// A tab would be as wide as the terminal wants it.
std::string flat(std::string_view text) {
    std::string line = safe(text);
    std::replace(line.begin(), line.end(), '\t', ' ');
    return line;
}

/// What a person looks at first: what goes wrong, what moves, what waits its turn, what is over.
int dullness(const wire::WorkerProgress& worker) {
    constexpr std::array<std::string_view, 9> words = {"killing", "stopping",  "draining",
                                                       "exited",  "starting",  "launching",
                                                       "ready",   "available", "gone"};
    if (worker.state == "gone" && worker.failed)
        return -1;
    return static_cast<int>(std::find(words.begin(), words.end(), worker.state) - words.begin());
}

Tint tint_of(const wire::WorkerProgress& worker) {
    if (worker.state == "available")
        return Tint::good;
    if (worker.state == "gone")
        return worker.failed ? Tint::bad : Tint::faint;
    return worker.state == "killing" ? Tint::bad : Tint::busy;
}

bool drains(const wire::WorkerProgress& worker) {
    return worker.state == "draining" || worker.state == "stopping";
}

/// ", 12 connections", where that is not what it is said to wait for already.
std::string connections_of(const Entry& worker) {
    if (!worker.connections || worker.told.waits_for.find(" connection") != std::string::npos)
        return {};
    return ", " + std::to_string(*worker.connections) +
           (*worker.connections == 1 ? " connection" : " connections");
}

/// A row of the drawing.
struct Row {
    std::string name;
    std::string state;
    Tint tint = Tint::none;
    Duration left{};
    Duration length{}; ///< 0: no bar
    std::string time;
    Tint time_tint = Tint::none;
    std::string words; ///< what it waits for, and what it says
    Tint words_tint = Tint::none;
};

std::string left_text(Duration left) {
    return format_rough(std::chrono::ceil<std::chrono::seconds>(left)) + " left";
}

Row row_of(const Entry& worker, Instant now) {
    const auto& told = worker.told;
    Row row{.name = flat(told.name), .state = flat(told.state), .tint = tint_of(told)};
    const std::string note = flat(told.note);
    if (told.state == "gone") {
        // Never by its colour alone.
        row.state = told.failed ? "failed" : "gone";
        row.words = note;
        row.words_tint = row.tint;
        return row;
    }
    const Duration passed = std::max(now - worker.at, Duration::zero());
    row.words = flat(told.waits_for) + (told.waits_for.empty() ? "" : connections_of(worker));
    row.words += (row.words.empty() || note.empty() ? "" : "  ") + note;
    if (told.waits_for.empty()) {
        row.time = "for " + format_rough(std::chrono::floor<std::chrono::seconds>(
                                Duration(told.since_us) + passed));
        row.time_tint = Tint::faint;
    } else if (told.left_us > 0) {
        row.left = std::max(Duration(told.left_us) - passed, Duration::zero());
        row.length = Duration(told.length_us);
        row.time = left_text(row.left);
    }
    return row;
}

/// What the rollout itself waits for.
Row row_of(const wire::Progress& last, Duration passed) {
    Row row{.name = "rollout", .tint = Tint::busy};
    row.state = last.state == "progressing" ? "waits" : flat(last.state);
    row.words = flat(last.waits_for);
    if (last.left_us > 0) {
        row.left = std::max(Duration(last.left_us) - passed, Duration::zero());
        row.length = Duration(last.length_us);
        row.time = left_text(row.left);
    }
    return row;
}

/// How wide the columns are. Those of bars and times do not depend on what is in them just now: nothing jumps.
struct Layout {
    std::size_t name = 0;
    std::size_t bar = 0; ///< 0: no room for bars
    std::size_t room = 0;
};
constexpr std::size_t time_columns = 11; // "59m59s left"

Layout layout_of(const std::vector<Row>& rows, std::size_t width, bool last) {
    constexpr std::size_t least_words = 30;
    constexpr std::size_t widest_bar = 32;
    constexpr std::size_t narrowest_bar = 8;
    Layout layout{.room = width};
    for (const Row& row : rows)
        layout.name = std::max(layout.name, columns_of(row.name));
    layout.name = std::min(layout.name, widest_name);
    const std::size_t taken =
        2 + layout.name + 2 + widest_state + 2 + 2 + time_columns + 2 + least_words;
    const bool drawn = std::any_of(rows.begin(), rows.end(),
                                   [](const Row& row) { return row.length > Duration::zero(); });
    if (width >= taken + narrowest_bar && (drawn || !last))
        layout.bar = std::min(width - taken, widest_bar);
    return layout;
}

std::string line_of(const Row& row, const Layout& layout, const Terminal& terminal) {
    const std::string name = "  " + padded(fit(row.name, layout.name), layout.name);
    if (columns_of(name) + 2 + widest_state + 2 >= layout.room)
        return fit(name + "  " + row.state, layout.room);
    // The colors' escapes must not be cut, and what would be space at the end is not written.
    std::string line = name + "  ";
    std::string blank;
    std::size_t used = columns_of(name) + 2;
    const auto add = [&](const std::string& text, Tint tint, std::size_t width) {
        const std::string fitted = fit(text, width);
        if (!fitted.empty())
            line += blank + tinted(fitted, tint, terminal.color);
        const std::string space(width + 2 - columns_of(fitted), ' ');
        blank = fitted.empty() ? blank + space : space;
        used += width + 2;
    };
    add(row.state, row.tint, widest_state);
    if (layout.bar > 0)
        add(draw_bar(row.left, row.length, layout.bar, terminal.utf8), row.tint, layout.bar);
    std::string words = row.words;
    if (layout.bar > 0)
        add(row.time, row.time_tint, time_columns);
    else
        words = row.time + (row.time.empty() || words.empty() ? "" : "  ") + words;
    add(words, row.words_tint, layout.room - std::min(layout.room, used));
    return line;
}

/// `brief`: the same in fewer columns.
std::string headline(const wire::Progress& last, const std::string& doing, bool brief) {
    std::string line = doing;
    const std::string revision = brief ? ": " : ": revision ";
    if (last.from != 0 && last.from != last.revision)
        line += revision + std::to_string(last.from) + " → " + std::to_string(last.revision);
    else if (last.revision != 0 && last.replicas > 0)
        line += ": revision " + std::to_string(last.revision);
    if (!last.step.empty())
        line += " (" + flat(last.step) + ")";
    std::vector<std::string> parts;
    // That it goes on is seen, and a step says it itself.
    if (!last.verdict.empty()) // more than "done"
        parts.push_back(flat(last.verdict));
    else if (!last.state.empty() && last.state != "progressing" && last.state != last.step)
        parts.push_back(flat(last.state));
    if (last.replicas > 0) {
        const std::string all = (brief ? "/" : " of ") + std::to_string(last.replicas);
        if (last.from != 0)
            parts.push_back(std::to_string(last.updated) + all + " updated");
        parts.push_back(std::to_string(last.available) + (last.from != 0 ? "" : all) +
                        " available");
    }
    if (!parts.empty())
        line += ": " + join(parts, ", ");
    return line;
}

std::string headline(const wire::Progress& last, const std::string& doing, std::size_t width) {
    const std::string whole = headline(last, doing, false);
    return fit(columns_of(whole) <= width ? whole : headline(last, doing, true), width);
}

/// "… and 37 more: 30 available, 7 gone"
std::string rest_of(const std::vector<const Entry*>& hidden, std::size_t width) {
    std::map<std::string, std::size_t> counts;
    for (const Entry* worker : hidden)
        ++counts[worker->told.state];
    std::vector<std::string> parts;
    for (const auto& [state, count] : counts)
        parts.push_back(std::to_string(count) + " " + safe(state));
    return fit("  … and " + std::to_string(hidden.size()) + " more: " + join(parts, ", "), width);
}

/// By replica, the older one first.
bool stands_before(const Entry* left, const Entry* right) {
    const auto key = [](const Entry& worker) {
        return std::tie(worker.told.replica, worker.told.revision, worker.told.name);
    };
    return key(*left) < key(*right);
}

} // namespace

void Watched::learn(const wire::Progress& progress, Instant now) {
    // What say() said is over.
    std::string text = progress.text.empty() && text_ends_ ? std::move(last_.text) : progress.text;
    last_ = progress;
    told_at_ = now;
    if (!progress.text.empty() || !text_ends_)
        text_ends_ = now + news_last;
    last_.worker_list.clear();
    last_.text = std::move(text);
    for (const auto& worker : progress.worker_list) {
        if (!workers_.contains(worker.name))
            std::erase_if(workers_, [&](const auto& entry) {
                const auto& older = entry.second.told;
                return older.state == "gone" && older.replica == worker.replica &&
                       older.revision == worker.revision;
            });
        workers_[worker.name] = {worker, now};
    }
}

void Watched::tell(std::string text, Instant now) {
    last_.text = std::move(text);
    text_ends_ = now + news_last;
}

bool Watched::drains() const {
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const auto& entry) { return cli::drains(entry.second.told); });
}

void Watched::count(const std::vector<wire::WorkerStatus>& workers) {
    for (const auto& worker : workers) {
        const auto known = workers_.find(worker.name);
        if (known != workers_.end() && cli::drains(known->second.told))
            known->second.connections = worker.connections;
    }
}

std::vector<std::string> draw_watched(const Watched& watched, const std::string& doing, Instant now,
                                      const Terminal& terminal, bool last) {
    const std::size_t width = std::max<std::size_t>(terminal.width, 2) - 1;
    const std::string text = last ? "" : fit(flat(watched.news(now)), width);
    std::vector<std::string> lines{headline(watched.last(), doing, width)};
    // One line for the cursor.
    const std::size_t height = terminal.height > 1 ? terminal.height - 1 : 1;
    std::vector<Row> rows;
    if (!watched.last().waits_for.empty())
        rows.push_back(row_of(watched.last(), std::max(now - watched.told_at(), Duration::zero())));
    const std::size_t around = 1 + rows.size() + (text.empty() ? 0 : 1);
    std::vector<const Entry*> shown;
    for (const auto& [name, worker] : watched.workers())
        shown.push_back(&worker);
    std::vector<const Entry*> hidden;
    if (around + shown.size() > height) {
        std::stable_sort(shown.begin(), shown.end(), [](const Entry* left, const Entry* right) {
            return dullness(left->told) < dullness(right->told);
        });
        const auto room =
            static_cast<std::ptrdiff_t>(height > around + 1 ? height - around - 1 : 0);
        hidden.assign(shown.begin() + room, shown.end());
        shown.erase(shown.begin() + room, shown.end());
    }
    std::sort(shown.begin(), shown.end(), stands_before);
    for (const Entry* worker : shown)
        rows.push_back(row_of(*worker, now));
    const Layout layout = layout_of(rows, width, last);
    for (const Row& row : rows)
        if (lines.size() < height)
            lines.push_back(line_of(row, layout, terminal));
    if (!hidden.empty() && lines.size() + (text.empty() ? 1 : 2) <= height)
        lines.push_back(rest_of(hidden, width));
    if (!text.empty() && lines.size() < height)
        lines.push_back(text);
    return lines;
}

} // namespace svc::cli
