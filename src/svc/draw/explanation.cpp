#include "svc/draw/explanation.h"

#include "svc/screen/terminal.h"

#include <algorithm>

namespace svc::cli {
namespace {

constexpr std::size_t head_width = 9;
constexpr std::size_t narrowest = 40;

/// `text` in lines of at most `width` columns; a longer word stands alone.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        std::string line;
        std::size_t columns = 0;
        while (!text.empty()) {
            const auto word = text.substr(0, text.find(' '));
            const std::size_t wanted = columns_of(word) + (line.empty() ? 0 : 1);
            if (!line.empty() && columns + wanted > width)
                break;
            line += (line.empty() ? "" : " ") + std::string(word);
            columns += wanted;
            text.remove_prefix(std::min(word.size() + 1, text.size()));
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace

std::string draw_explanation(const std::vector<wire::Paragraph>& paragraphs, std::size_t width) {
    const std::size_t room = std::max(width, narrowest) - head_width;
    std::string text;
    for (const auto& paragraph : paragraphs) {
        std::string head = paragraph.about;
        if (!head.empty() && head.front() >= 'a' && head.front() <= 'z')
            head.front() = static_cast<char>(head.front() - 'a' + 'A');
        text += text.empty() ? "" : "\n";
        for (const auto& said : paragraph.lines) {
            const bool item = said.starts_with("- ");
            std::string before = item ? "- " : "";
            for (const auto& line : wrap(item ? said.substr(2) : said, room - (item ? 2 : 0))) {
                text += padded(head, head_width) + before + safe(line) + '\n';
                head.clear();
                before.assign(item ? 2 : 0, ' ');
            }
        }
    }
    return text;
}

} // namespace svc::cli
