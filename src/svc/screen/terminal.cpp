#include "svc/screen/terminal.h"

#include "base/text.h"
#include "wire/varlink.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace svc::cli {
namespace {

struct Range {
    std::uint32_t first;
    std::uint32_t last;
};
// The large blocks of Unicode's East Asian Width and of combining marks: svc does not set a locale,
// and wcwidth(3) knows nothing without one.
constexpr std::array<Range, 10> wide = {{{0x1100, 0x115F},
                                         {0x2E80, 0x303E},
                                         {0x3041, 0xA4CF},
                                         {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF},
                                         {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60},
                                         {0xFFE0, 0xFFE6},
                                         {0x1F300, 0x1FAFF},
                                         {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 4> narrow = {
    {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};

/// One character of valid UTF-8 and its columns.
struct Character {
    std::size_t bytes;
    std::size_t columns;
};

Character first_of(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const std::size_t bytes = std::min(length, text.size());
    std::uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t at = 1; at < bytes; ++at)
        point = point << 6 | (static_cast<unsigned char>(text[at]) & 0x3Fu);
    const auto inside = [point](const Range& range) {
        return point >= range.first && point <= range.last;
    };
    if (std::any_of(narrow.begin(), narrow.end(), inside))
        return {bytes, 0};
    return {bytes, std::any_of(wide.begin(), wide.end(), inside) ? 2u : 1u};
}

bool set(const char* name) {
    const char* const value = std::getenv(name);
    return value && *value != '\0';
}

} // namespace

Terminal terminal_of(int fd) {
    Terminal terminal;
    terminal.utf8 =
        locale_is_utf8(std::getenv("LC_ALL"), std::getenv("LC_CTYPE"), std::getenv("LANG"));
    if (::isatty(fd) == 0)
        return terminal;
    const char* const kind = std::getenv("TERM");
    terminal.interactive = kind && std::string_view(kind) != "dumb";
    terminal.color = terminal.interactive && !set("NO_COLOR");
    winsize size{};
    const bool known = ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    terminal.width = known ? size.ws_col : 80;
    terminal.height = known && size.ws_row > 0 ? size.ws_row : 24;
    return terminal;
}

bool locale_is_utf8(const char* all, const char* ctype, const char* lang) {
    for (const char* const value : {all, ctype, lang}) {
        if (!value || *value == '\0')
            continue;
        std::string name(value);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char byte) { return std::tolower(byte); });
        return name.find("utf-8") != std::string::npos || name.find("utf8") != std::string::npos;
    }
    return false;
}

std::string tinted(std::string_view text, Tint tint, bool color) {
    constexpr std::array<std::string_view, 5> codes = {"", "\x1b[32m", "\x1b[33m", "\x1b[31m",
                                                       "\x1b[2m"};
    if (!color || tint == Tint::none || text.empty())
        return std::string(text);
    return std::string(codes[static_cast<std::size_t>(tint)]) + std::string(text) + "\x1b[0m";
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto character = first_of(text);
        columns += character.columns;
        text.remove_prefix(character.bytes);
    }
    return columns;
}

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

std::string fit(std::string_view text, std::size_t width) {
    if (columns_of(text) <= width)
        return std::string(text);
    std::size_t kept = 0;
    std::size_t columns = 0;
    while (kept < text.size()) {
        const auto character = first_of(text.substr(kept));
        if (columns + character.columns + 1 > width)
            break;
        columns += character.columns;
        kept += character.bytes;
    }
    return std::string(text.substr(0, kept)) + (width > 0 ? "…" : "");
}

std::string padded(std::string_view text, std::size_t width) {
    const auto columns = columns_of(text);
    return std::string(text) + std::string(width > columns ? width - columns : 0, ' ');
}

std::string safe(std::string_view text) {
    return printable(text, wire::varlink_reply_limit);
}

} // namespace svc::cli
