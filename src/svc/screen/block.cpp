#include "svc/screen/block.h"

#include <algorithm>

namespace svc::cli {
namespace {

constexpr std::string_view clear_to_end_of_line = "\x1b[K";
constexpr std::string_view clear_to_end_of_screen = "\x1b[J";

} // namespace

std::string Block::to_first(const Terminal& terminal) const {
    // A terminal that became narrower has broken the lines that no longer fit into several, as nearly all do today.
    std::size_t rows = 0;
    for (const std::size_t columns : columns_)
        rows += terminal.width == 0 || columns <= terminal.width
                    ? 1
                    : (columns + terminal.width - 1) / terminal.width;
    if (rows == 0)
        return "\r";
    return "\r\x1b[" + std::to_string(rows) + "A";
}

std::string Block::draw(const std::vector<std::string>& lines, const Terminal& terminal) {
    std::string text = to_first(terminal);
    columns_.clear();
    for (const auto& line : lines) {
        text += line;
        text += clear_to_end_of_line;
        text += "\r\n";
        columns_.push_back(visible_columns(line));
    }
    text += clear_to_end_of_screen;
    return text;
}

std::string Block::clear(const Terminal& terminal) {
    if (columns_.empty())
        return {};
    std::string text = to_first(terminal);
    text += clear_to_end_of_screen;
    columns_.clear();
    return text;
}

} // namespace svc::cli
