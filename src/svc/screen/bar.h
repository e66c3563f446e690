// How much of a length has gone by, as a drawing.
#pragma once

#include "base/time.h"

#include <cstddef>
#include <string>

namespace svc::cli {

/// A bar `columns` wide, brackets and all, filled in eighths of a column (with UTF-8) as far as `left` is short of
/// `length`; empty if there is no room for one that says anything, or the length is none.
std::string draw_bar(Duration left, Duration length, std::size_t columns, bool utf8);

} // namespace svc::cli
