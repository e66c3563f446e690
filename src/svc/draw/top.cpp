#include "svc/draw/top.h"

#include "base/text.h"
#include "svc/draw/render.h"
#include "svc/draw/top_rows.h"

#include <algorithm>

namespace svc::cli {
namespace {

using Row = TopRow;

constexpr std::array<std::string_view, top_sorts> sort_names = {"name", "CPU", "memory",
                                                                "connections", "restarts"};
constexpr std::size_t lines_above = 4; // two of totals, an empty one, the titles
constexpr std::size_t lines_below = 1; // the keys

/// How wide the columns are.
struct Layout {
    // Wide enough for every day, so that nothing jumps when a rollout begins or an hour is over.
    std::size_t name = 9;
    std::size_t state = 12; // "rolling back"
    std::array<std::size_t, 5> numbers = {6, 8, 5, 4, 5};
    std::size_t room = 0;

    /// What stands before the words.
    [[nodiscard]] std::size_t before_words() const {
        std::size_t all = name + 1 + state + 2;
        for (const std::size_t columns : numbers)
            all += 1 + columns;
        return all;
    }
};

bool has_numbers(const Row& row) {
    return std::any_of(row.numbers.begin(), row.numbers.end(),
                       [](const std::string& text) { return !text.empty(); });
}

Layout layout_of(const std::vector<Row>& rows, const Terminal& terminal) {
    constexpr std::size_t widest_name = 24;
    constexpr std::size_t widest_state = 16;
    Layout layout{.room = terminal.width};
    for (const Row& row : rows) {
        layout.name = std::max(layout.name, columns_of(row.name));
        for (std::size_t each = 0; each < row.numbers.size(); ++each)
            layout.numbers[each] = std::max(layout.numbers[each], row.numbers[each].size());
        if (has_numbers(row))
            layout.state = std::max(layout.state, columns_of(row.state));
    }
    layout.name = std::min(layout.name, widest_name);
    layout.state = std::min(layout.state, widest_state);
    return layout;
}

std::string right(const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
}

/// What has no room beside the numbers goes below them.
std::vector<Row> spread_words(std::vector<Row> rows, const Layout& layout) {
    std::vector<Row> all;
    for (Row& row : rows) {
        const bool fits =
            layout.room == 0 || layout.before_words() + columns_of(row.words) <= layout.room;
        if (!row.own_line || row.words.empty() || fits) {
            all.push_back(std::move(row));
            continue;
        }
        Row words{.state = "  └ " + std::exchange(row.words, {}), .tint = row.words_tint};
        all.push_back(std::move(row));
        all.push_back(std::move(words));
    }
    return all;
}

/// The columns of `row` as far as there is room for them, the words last. `all`: the tint of all of them.
std::string line_of(const Row& row, const Layout& layout, bool color, Tint all = Tint::none) {
    const auto shade = [&](const std::string& text, Tint tint) {
        return tinted(text, all == Tint::none ? tint : all, color);
    };
    const auto rest = [&](std::size_t used) {
        return layout.room == 0 ? std::string::npos / 2 : layout.room - std::min(layout.room, used);
    };
    const std::string name =
        row.name.empty() ? "" : padded(fit(row.name, layout.name), layout.name);
    if (!has_numbers(row)) // a sentence, which needs no columns
        return shade(fit(name, rest(0)), Tint::none) + (name.empty() ? "" : " ") +
               shade(fit(row.state, rest(name.empty() ? 0 : layout.name + 1)), row.tint);
    std::string line;
    std::size_t used = 0;
    const auto add = [&](const std::string& text, Tint tint) {
        const std::size_t columns = columns_of(text) + (used > 0 ? 1 : 0);
        if (columns > rest(used))
            return false;
        line += (used > 0 ? " " : "") + shade(text, tint);
        used += columns;
        return true;
    };
    if (!add(name, Tint::none) ||
        !add(padded(fit(row.state, layout.state), layout.state), row.tint))
        return line;
    for (std::size_t each = 0; each < row.numbers.size(); ++each)
        if (!add(right(row.numbers[each], layout.numbers[each]), Tint::none))
            return line;
    constexpr std::size_t least_words = 4;
    if (row.words.empty() || rest(used) < 2 + least_words)
        return line;
    return line + "  " + shade(fit(row.words, rest(used + 2)), row.words_tint);
}

std::string trimmed(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string spread(const std::string& left, const std::string& end, std::size_t width) {
    const std::size_t taken = columns_of(left) + columns_of(end);
    if (end.empty() || taken + 2 > width)
        return fit(left, width);
    return left + std::string(width - taken, ' ') + end;
}

std::string keys_line(const TopView& view, Duration interval, std::size_t rows, std::size_t page,
                      bool utf8, std::size_t width) {
    const std::string keys = std::string("q quit  s sort: ") +
                             std::string(sort_names[static_cast<std::size_t>(view.sort)]) +
                             "  c workers: " + (view.collapsed ? "hidden" : "shown") +
                             (utf8 ? "  ↑↓ scroll" : "  arrows scroll") + "  every " +
                             format_rough(interval);
    const std::size_t last = std::min(rows, view.first + page);
    return spread(keys,
                  rows <= page ? ""
                               : std::to_string(view.first + 1) + "-" + std::to_string(last) +
                                     " of " + std::to_string(rows),
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
    // A full line would leave the cursor behind its last column.
    Terminal inner = terminal;
    if (screen && terminal.width > 1)
        --inner.width;
    const std::size_t width = inner.width > 0 ? inner.width : 80;
    auto rows = top_rows(model, view, now);
    const Layout layout = layout_of(rows, inner);
    rows = spread_words(std::move(rows), layout);
    const std::size_t page = screen ? top_page(terminal) : rows.size();
    view.first = std::min(view.first, rows.size() - std::min(rows.size(), page));
    // Beside the line that is never long.
    std::vector<std::string> lines{fit(services_line(model), width),
                                   spread(totals_line(model), render_time(now), width), ""};
    const Row titles{.name = "SERVICE",
                     .state = "STATE",
                     .numbers = {"AGE", "RESTARTS", "CPU%", "MEM", "CONNS"},
                     .words = "WAITS FOR"};
    lines.push_back(line_of(titles, layout, terminal.color, Tint::faint));
    for (std::size_t at = view.first; at < std::min(rows.size(), view.first + page); ++at)
        lines.push_back(trimmed(line_of(rows[at], layout, terminal.color)));
    if (rows.empty())
        lines.push_back(fit("no service runs here", width));
    if (!screen)
        return lines;
    lines.resize(terminal.height > 1 ? terminal.height - 1 : 1);
    if (terminal.height > 1)
        lines.push_back(tinted(keys_line(view, interval, rows.size(), page, terminal.utf8, width),
                               Tint::faint, terminal.color));
    return lines;
}

} // namespace svc::cli
