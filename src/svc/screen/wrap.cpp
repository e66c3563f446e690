#include "svc/screen/wrap.h"

#include "svc/screen/terminal.h"

#include <algorithm>

namespace svc::cli {
namespace {

constexpr std::string_view indentation = "  ";

/// The first word of `line`, with the spaces before it: up to the next space that no command in backquotes has.
std::string_view first_word(std::string_view line) {
    const auto begin = std::min(line.find_first_not_of(' '), line.size());
    bool quoted = false;
    for (auto at = begin; at < line.size(); ++at) {
        if (line[at] == '`')
            quoted = !quoted && line.find('`', at + 1) != std::string_view::npos;
        if (line[at] == ' ' && !quoted)
            return line.substr(0, at);
    }
    return line;
}

std::string wrapped_line(std::string_view line, std::size_t width) {
    std::string text;
    std::size_t used = 0;
    while (!line.empty()) {
        std::string_view word = first_word(line);
        line.remove_prefix(word.size());
        if (used > 0 && used + visible_columns(word) > width) {
            word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
            text += '\n';
            text += indentation;
            used = indentation.size();
        }
        text += word;
        used += visible_columns(word);
    }
    return text;
}

} // namespace

std::string wrapped(std::string_view text, std::size_t width) {
    constexpr std::size_t narrowest = 20;
    if (width < narrowest)
        return std::string(text);
    std::string all;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        all += line.starts_with(' ') || visible_columns(line) <= width ? std::string(line)
                                                                       : wrapped_line(line, width);
        if (end == std::string_view::npos)
            break;
        all += '\n';
        text.remove_prefix(end + 1);
    }
    return all;
}

} // namespace svc::cli
