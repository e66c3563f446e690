#include "wire/service_file/mistakes.h"

#include <algorithm>

namespace svc::wire::service_file {

namespace {

constexpr std::size_t deepest = 32;

/// The length of the string or comment that `text` begins with; 0 if it begins with neither. A
/// string that is not closed ends where TOML sees its error, or earlier.
std::size_t skipped(std::string_view text) {
    const char quote = text.front();
    if (quote == '#')
        return std::min(text.find('\n'), text.size());
    if (quote != '"' && quote != '\'')
        return 0;
    const std::string triple(3, quote);
    const bool many_lines = text.starts_with(triple);
    std::size_t at = many_lines ? 3 : 1;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '\\' && quote == '"') {
            at += 2;
        } else if (many_lines && text.substr(at).starts_with(triple)) {
            at += 3;
            // Up to two quotes right before the closing three belong to the string (TOML 1.0).
            for (int extra = 0; extra < 2 && at < text.size() && text[at] == quote; ++extra)
                ++at;
            return at;
        } else if (!many_lines && (c == quote || c == '\n')) {
            return at + 1;
        } else {
            ++at;
        }
    }
    return text.size();
}

} // namespace

std::optional<Mistake> find_deep_nesting(std::string_view text) {
    std::uint32_t line = 1;
    std::size_t brackets = 0; // open ones
    std::size_t dots = 0;     // of this line: no key goes on in the next
    std::size_t line_start = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        const std::size_t skip = std::max<std::size_t>(skipped(rest), 1);
        const char c = rest.front();
        if (c == '[' || c == '{')
            ++brackets;
        else if ((c == ']' || c == '}') && brackets > 0)
            --brackets;
        else if (c == '.')
            ++dots;
        if (brackets > deepest || dots > deepest)
            return Mistake{line, static_cast<std::uint32_t>(at - line_start + 1), "",
                           "this is nested too deeply for a service file; write plain [table] and "
                           "key = value lines"};
        const auto newlines = std::count(
            rest.begin(), rest.begin() + static_cast<long>(std::min(skip, rest.size())), '\n');
        at += skip;
        if (newlines > 0) {
            line += static_cast<std::uint32_t>(newlines);
            line_start = std::min(text.rfind('\n', at - 1) + 1, text.size());
            dots = 0;
        }
    }
    return std::nullopt;
}

} // namespace svc::wire::service_file
