// Where output goes, and text measured in columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace svc::cli {

/// What an output can show. Without a terminal: plain lines of any length.
struct Terminal {
    bool interactive = false;
    bool color = false;     ///< NO_COLOR is not set (no-color.org), TERM is not "dumb"
    std::size_t width = 0;  ///< columns; 0: as many as there are
    std::size_t height = 0; ///< lines; 0: not known
    bool utf8 = true;       ///< the locale's character set: whether lines and blocks can be drawn
};
Terminal terminal_of(int fd);

/// Of LC_ALL, LC_CTYPE and LANG, in this order (locale(7)): svc itself sets no locale.
bool locale_is_utf8(const char* all, const char* ctype, const char* lang);

enum class Tint { none, good, busy, bad, faint };
std::string tinted(std::string_view text, Tint tint, bool color);

/// Columns that `text` (UTF-8, printable) takes on a terminal.
std::size_t columns_of(std::string_view text);
/// As columns_of(), of a line that may have colors in it, which are its only escapes.
std::size_t visible_columns(std::string_view line);
/// Cut at `width` columns, with "…" as the last one if anything is missing.
std::string fit(std::string_view text, std::size_t width);
/// Followed by spaces up to `width` columns.
std::string padded(std::string_view text, std::size_t width);

/// What came from the supervisor, for a terminal: printable(), of any length that it may have.
std::string safe(std::string_view text);

} // namespace svc::cli
