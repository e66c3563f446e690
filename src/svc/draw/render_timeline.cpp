// A rollout as a drawing: a row a worker, time from left to right.
#include "base/text.h"
#include "svc/draw/render.h"

#include <algorithm>
#include <array>

namespace svc::cli {
namespace {

using wire::Timeline;
using wire::WorkerTrack;

/// What one column of a row shows.
enum class Mark { nothing, starting, ready, available, draining, ended, failed };
constexpr std::size_t marks = 7;

constexpr std::array<std::string_view, marks> utf8_glyphs = {" ", "░", "▒", "█", "▄", "│", "╳"};
constexpr std::array<std::string_view, marks> ascii_glyphs = {" ", ".", "-", "=", "~", "|", "X"};
constexpr std::array<std::string_view, marks> names = {
    "", "starting", "ready", "available", "draining", "stopped", "ended by itself"};
constexpr std::array<Tint, marks> tints = {Tint::none,  Tint::busy,  Tint::busy, Tint::good,
                                           Tint::faint, Tint::faint, Tint::bad};

constexpr std::size_t width_without_terminal = 80;
constexpr std::size_t widest_name = 24;
constexpr std::size_t widest_note = 28;
constexpr std::size_t narrowest_bar = 10;
constexpr std::size_t bar_beside_notes = 30;

/// Where the columns of the drawing are in time.
struct Scale {
    std::int64_t length = 1; ///< microseconds, from the rollout's beginning
    std::size_t columns = 1;

    [[nodiscard]] std::int64_t begin_of(std::size_t column) const {
        return static_cast<std::int64_t>(static_cast<double>(length) * static_cast<double>(column) /
                                         static_cast<double>(columns));
    }
    [[nodiscard]] std::size_t column_of(std::int64_t at) const {
        const double share = static_cast<double>(at) / static_cast<double>(length);
        const auto column = static_cast<std::size_t>(share * static_cast<double>(columns));
        return std::min(column, columns - 1);
    }
};

/// A state and when it was entered. What lasted no time at all is left out by whoever adds it up.
struct Stretch {
    Mark mark;
    std::int64_t from;
};

std::vector<Stretch> stretches_of(const WorkerTrack& track, std::int64_t until) {
    std::vector<Stretch> all{{Mark::starting, track.launched_us}};
    if (track.ready_us)
        all.push_back({Mark::ready, *track.ready_us});
    if (track.available_us)
        all.push_back({Mark::available, *track.available_us});
    if (track.drain_us || track.stop_us)
        all.push_back({Mark::draining, track.drain_us.value_or(track.stop_us.value_or(0))});
    all.push_back({Mark::nothing, track.ended_us.value_or(until)});
    // A record may come from anywhere: time that goes backwards makes a stretch of no length.
    for (std::size_t index = 1; index < all.size(); ++index)
        all[index].from = std::max(all[index].from, all[index - 1].from);
    return all;
}

/// The columns of one row. A column shows what lasted longest in it; but a worker's beginning, the beginning of its
/// drain and its end are to be seen however short they are.
std::vector<Mark> marks_of(const WorkerTrack& track, const Scale& scale) {
    const auto stretches = stretches_of(track, scale.length);
    std::vector<Mark> row(scale.columns, Mark::nothing);
    std::vector<std::int64_t> longest(scale.columns, 0);
    for (std::size_t index = 0; index + 1 < stretches.size(); ++index) {
        const std::int64_t from = std::max<std::int64_t>(stretches[index].from, 0);
        const std::int64_t to = std::min(stretches[index + 1].from, scale.length);
        if (to <= from)
            continue;
        for (std::size_t column = scale.column_of(from); column <= scale.column_of(to); ++column) {
            const std::int64_t overlap =
                std::min(to, scale.begin_of(column + 1)) - std::max(from, scale.begin_of(column));
            if (overlap > longest[column]) {
                longest[column] = overlap;
                row[column] = stretches[index].mark;
            }
        }
    }
    const auto show = [&](std::optional<std::int64_t> at, Mark mark) {
        if (at && *at >= 0 && *at <= scale.length)
            row[scale.column_of(*at)] = mark;
    };
    show(track.drain_us, Mark::draining);
    show(track.launched_us, Mark::starting);
    show(track.ended_us, track.failed ? Mark::failed : Mark::ended);
    return row;
}

std::string draw_row(const std::vector<Mark>& row, const Terminal& terminal) {
    const auto& glyphs = terminal.utf8 ? utf8_glyphs : ascii_glyphs;
    std::string text;
    for (std::size_t begin = 0; begin < row.size();) {
        std::size_t end = begin;
        std::string run;
        for (; end < row.size() && row[end] == row[begin]; ++end)
            run += glyphs[static_cast<std::size_t>(row[begin])];
        const bool blank = row[begin] == Mark::nothing;
        text +=
            blank ? run : tinted(run, tints[static_cast<std::size_t>(row[begin])], terminal.color);
        begin = end;
    }
    return text;
}

/// "0.5s", "250ms", "1m30s": as exact as the axis is fine.
std::string label_of(std::int64_t at, std::int64_t step) {
    if (step < 1000)
        return std::to_string(at) + "us";
    if (step < 100'000)
        return std::to_string(at / 1000) + "ms";
    if (step < 1'000'000)
        return std::to_string(at / 1'000'000) + "." + std::to_string(at / 100'000 % 10) + "s";
    return format_rough(Duration(at));
}

/// The finest of the round steps whose labels have room.
std::int64_t step_of(const Scale& scale) {
    constexpr std::size_t label_columns = 10;
    constexpr std::int64_t second = 1'000'000;
    std::vector<std::int64_t> steps;
    for (std::int64_t ten = 1; ten < second; ten *= 10)
        for (const std::int64_t factor : {1, 2, 5})
            steps.push_back(ten * factor);
    for (const std::int64_t seconds :
         {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21'600, 43'200, 86'400})
        steps.push_back(seconds * second);
    for (const std::int64_t step : steps)
        if (static_cast<double>(step) / static_cast<double>(scale.length) *
                static_cast<double>(scale.columns) >=
            static_cast<double>(label_columns))
            return step;
    return scale.length;
}

/// "|0.0s     |0.5s     |1.0s"
std::string draw_axis(const Scale& scale) {
    const std::int64_t step = std::max<std::int64_t>(step_of(scale), 1);
    std::string axis;
    for (std::int64_t at = 0; at <= scale.length; at += step) {
        const std::size_t column = scale.column_of(at);
        const std::string label = "|" + label_of(at, step);
        if (column < axis.size() || column + label.size() > scale.columns)
            continue;
        axis += std::string(column - axis.size(), ' ') + label;
    }
    return axis;
}

std::string took(std::int64_t length) {
    if (length < 1'000'000)
        return std::to_string(length / 1000) + "ms";
    if (length < 60'000'000)
        return std::to_string(length / 1'000'000) + "." + std::to_string(length / 100'000 % 10) +
               "s";
    return format_rough(Duration(length));
}

std::string headline(const Timeline& timeline) {
    std::string text = "revision " + std::to_string(timeline.revision);
    if (timeline.from != 0)
        text += " from " + std::to_string(timeline.from);
    if (!timeline.strategy.empty())
        text += " (" + safe(timeline.strategy) + ")";
    text += ": " + safe(timeline.result);
    text += timeline.result == "in progress" ? ", " + took(timeline.length_us) + " so far"
                                             : " after " + took(timeline.length_us);
    text += ", began " + render_time(WallTime(Duration(timeline.began_us)));
    if (!timeline.reason.empty())
        text += "\n  " + safe(timeline.reason);
    return text + '\n';
}

/// What the drawing does not say by itself.
std::string footer(const Timeline& timeline) {
    std::string text;
    for (const auto& mark : timeline.marks)
        text += "at " + took(mark.at_us) + ": " + safe(mark.text) + '\n';
    if (timeline.result != "in progress" && timeline.until_us > timeline.length_us)
        text += timeline.open
                    ? "old workers are still on their way out\n"
                    : "the last old worker was gone after " + took(timeline.until_us) + '\n';
    if (timeline.cut > 0)
        text += "cut: " + std::to_string(timeline.cut) +
                " more workers or notes had no room in the record\n";
    return text;
}

/// Of what is drawn, and of nothing else.
std::string legend(const std::vector<std::vector<Mark>>& rows, const Terminal& terminal) {
    const auto& glyphs = terminal.utf8 ? utf8_glyphs : ascii_glyphs;
    std::vector<std::string> parts;
    for (std::size_t index = 1; index < marks; ++index) {
        const auto mark = static_cast<Mark>(index);
        const bool used = std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
            return std::find(row.begin(), row.end(), mark) != row.end();
        });
        if (used)
            parts.push_back(tinted(glyphs[index], tints[index], terminal.color) + " " +
                            std::string(names[index]));
    }
    return join(parts, "   ") + '\n';
}

/// How it ended, where that is more than was to be expected.
std::string note_of(const WorkerTrack& track) {
    return fit(safe(track.ended), widest_note);
}

/// How wide the parts of a row are.
struct Layout {
    std::size_t name = 0;
    std::size_t bar = 0;
    bool notes = false;
};

Layout layout_of(const std::vector<WorkerTrack>& workers, std::size_t width) {
    Layout layout;
    std::size_t note = 0;
    for (const auto& worker : workers) {
        layout.name = std::max(layout.name, columns_of(safe(worker.name)));
        note = std::max(note, columns_of(note_of(worker)));
    }
    layout.name = std::min(layout.name, widest_name);
    const std::size_t room = width > layout.name + 2 ? width - layout.name - 2 : 0;
    layout.notes = note > 0 && room >= bar_beside_notes + note + 2;
    layout.bar = std::max(layout.notes ? room - note - 2 : room, narrowest_bar);
    return layout;
}

} // namespace

std::string render_timeline(const Timeline& timeline, const Terminal& terminal) {
    std::string text = headline(timeline);
    auto workers = timeline.workers;
    std::stable_sort(workers.begin(), workers.end(),
                     [](auto& left, auto& right) { return left.replica < right.replica; });
    if (workers.empty())
        return text + "no worker was there\n" + footer(timeline);
    // One column stays free: a full line would make some terminals go to the next one.
    const std::size_t width = terminal.width > 1 ? terminal.width - 1 : width_without_terminal;
    const Layout layout = layout_of(workers, width);
    // A hundred years: what is longer is no record of ours.
    constexpr std::int64_t longest = std::int64_t{100} * 366 * 86'400 * 1'000'000;
    const Scale scale{
        std::clamp(std::max(timeline.until_us, timeline.length_us), std::int64_t{1}, longest),
        layout.bar};
    std::vector<std::vector<Mark>> rows;
    for (const auto& worker : workers) {
        rows.push_back(marks_of(worker, scale));
        auto& row = rows.back();
        const std::string note = layout.notes ? note_of(worker) : "";
        std::string line = padded(fit(safe(worker.name), layout.name), layout.name) + "  " +
                           draw_row(row, terminal);
        line += note.empty() ? "" : "  " + note;
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    text += std::string(layout.name + 2, ' ') + draw_axis(scale) + '\n';
    return text + legend(rows, terminal) + footer(timeline);
}

} // namespace svc::cli
