#include "svc/draw/watched.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace svc::cli {
namespace {

using Entry = Watched::Worker;

constexpr std::size_t widest_name = 24;
constexpr std::size_t widest_state = 9; // "available"

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

/// What it waits for and for how long at most, else how long it has been so.
std::string time_of(const Entry& worker, Instant now) {
    const auto& told = worker.told;
    if (told.state == "gone")
        return {};
    const Duration passed = std::max(now - worker.at, Duration::zero());
    if (told.waits_for.empty())
        return "for " + format_rough(std::chrono::floor<std::chrono::seconds>(
                            Duration(told.since_us) + passed));
    if (told.left_us <= 0)
        return flat(told.waits_for);
    const Duration left = std::max(Duration(told.left_us) - passed, Duration::zero());
    return flat(told.waits_for) + connections_of(worker) + ", " +
           format_rough(std::chrono::ceil<std::chrono::seconds>(left)) + " left";
}

std::string line_of(const Entry& worker, std::size_t name_width, Instant now,
                    const Terminal& terminal) {
    const std::string name = "  " + padded(fit(flat(worker.told.name), name_width), name_width);
    const std::string state = padded(flat(worker.told.state), widest_state);
    const std::string time = time_of(worker, now);
    const std::string note = flat(worker.told.note);
    const std::string gap = time.empty() || note.empty() ? "" : "  ";
    const std::size_t before = columns_of(name) + 2 + columns_of(state);
    const std::size_t room = terminal.width - 1;
    if (before + 2 >= room)
        return fit(name + "  " + state, room);
    // The color's escapes must not be cut.
    return name + "  " + tinted(state, tint_of(worker.told), terminal.color) + "  " +
           fit(time + gap + note, room - before - 2);
}

std::string headline(const wire::Progress& last, const std::string& doing, std::size_t width) {
    std::string line = doing;
    if (last.from != 0 && last.from != last.revision)
        line += ": revision " + std::to_string(last.from) + " → " + std::to_string(last.revision);
    else if (last.revision != 0 && last.replicas > 0)
        line += ": revision " + std::to_string(last.revision);
    if (!last.step.empty())
        line += " (" + flat(last.step) + ")";
    std::vector<std::string> parts;
    // That it goes on is seen, and a step says it itself.
    if (!last.state.empty() && last.state != "progressing" && last.state != last.step)
        parts.push_back(flat(last.state));
    if (last.replicas > 0) {
        const std::string all = std::to_string(last.replicas);
        if (last.from != 0)
            parts.push_back(std::to_string(last.updated) + " of " + all + " updated");
        parts.push_back(std::to_string(last.available) + (last.from != 0 ? "" : " of " + all) +
                        " available");
    }
    if (!parts.empty())
        line += ": " + join(parts, ", ");
    return fit(line, width);
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
    std::string text = progress.text.empty() ? std::move(last_.text) : progress.text;
    last_ = progress;
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
                                      const Terminal& terminal) {
    const std::size_t width = std::max<std::size_t>(terminal.width, 2) - 1;
    const std::string text = fit(flat(watched.last().text), width);
    std::vector<std::string> lines{headline(watched.last(), doing, width)};
    // One line for the cursor.
    const std::size_t height = terminal.height > 1 ? terminal.height - 1 : 1;
    const std::size_t around = 1 + (text.empty() ? 0 : 1);
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
    std::size_t name_width = 0;
    for (const Entry* worker : shown)
        name_width = std::max(name_width, columns_of(flat(worker->told.name)));
    name_width = std::min(name_width, widest_name);
    for (const Entry* worker : shown)
        lines.push_back(line_of(*worker, name_width, now, terminal));
    if (!hidden.empty() && lines.size() + around <= height)
        lines.push_back(rest_of(hidden, width));
    if (!text.empty() && lines.size() < height)
        lines.push_back(text);
    return lines;
}

} // namespace svc::cli
