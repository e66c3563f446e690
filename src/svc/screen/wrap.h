// Sentences on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace svc::cli {

/// Lines broken between words where a terminal of `width` columns (0: none) would break them anywhere; what goes on is
/// indented. A command in backquotes stays in one piece where that has room. Lines that begin with a space are others'
/// words or a table's, and stay as they are. Colors take no columns.
std::string wrapped(std::string_view text, std::size_t width);

} // namespace svc::cli
