#include "svc/screen/block.h"

#include <algorithm>

namespace svc::cli {
namespace {

constexpr std::string_view clear_to_end_of_line = "\x1b[K";
constexpr std::string_view clear_to_end_of_screen = "\x1b[J";

/// Columns without the colors, which are the only escapes in a line.
std::size_t visible_columns(std::string_view line) {
    std::string plain;
    while (!line.empty()) {
        const auto escape = line.find('\x1b');
        plain += line.substr(0, escape);
        const auto end = escape == std::string_view::npos ? escape : line.find('m', escape);
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    }
    return columns_of(plain);
}

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
