#include "svc/screen/table.h"

#include <algorithm>
#include <numeric>

namespace svc::cli {
namespace {

constexpr std::size_t gap = 2;

std::string line_of(const std::vector<Table::Cell>& cells, const std::vector<std::size_t>& widths,
                    bool color) {
    std::string line;
    std::size_t blank = 0; // what would be trailing space is not written
    for (std::size_t index = 0; index < cells.size(); ++index) {
        if (widths[index] == 0)
            continue;
        const auto text = fit(cells[index].text, widths[index]);
        if (!text.empty())
            line += std::string(blank, ' ') + tinted(text, cells[index].tint, color);
        blank = (text.empty() ? blank : 0) + widths[index] - columns_of(text) + gap;
    }
    return line + '\n';
}

} // namespace

std::vector<std::size_t> Table::widths(std::size_t available) const {
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (const auto& row : rows_)
        for (std::size_t index = 0; index < row.size(); ++index)
            widths[index] = std::max(widths[index], columns_of(row[index].text));
    std::size_t total = 0;
    for (std::size_t index = 0; index < widths.size(); ++index) {
        if (widths[index] == 0)
            continue;
        widths[index] = std::max(widths[index], columns_of(columns_[index].title));
        total += widths[index] + (total > 0 ? gap : 0);
    }
    for (std::size_t index = widths.size(); available > 0 && index-- > 0;) {
        if (!columns_[index].may_shrink || widths[index] == 0 || total <= available)
            continue;
        const auto least = columns_of(columns_[index].title);
        const auto taken = std::min(total - available, widths[index] - least);
        widths[index] -= taken;
        total -= taken;
    }
    return widths;
}

std::string Table::text(const Terminal& terminal) const {
    if (rows_.empty())
        return {};
    const auto all = widths(terminal.width);
    std::vector<Cell> titles;
    for (const auto& column : columns_)
        titles.push_back({column.title, Tint::faint});
    std::string text = line_of(titles, all, terminal.color);
    for (std::size_t index = 0; index < rows_.size(); ++index) {
        text += line_of(rows_[index], all, terminal.color);
        if (notes_[index].empty())
            continue;
        const auto line = std::string(all.front() + gap, ' ') + "└ " + notes_[index];
        text += (terminal.width == 0 ? line : fit(line, terminal.width)) + '\n';
    }
    return text;
}

} // namespace svc::cli
