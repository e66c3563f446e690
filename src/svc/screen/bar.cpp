#include "svc/screen/bar.h"

#include <algorithm>
#include <array>

namespace svc::cli {

std::string draw_bar(Duration left, Duration length, std::size_t columns, bool utf8) {
    constexpr std::size_t brackets = 2;
    constexpr std::size_t fewest = 3;
    if (length <= Duration::zero() || columns < brackets + fewest)
        return {};
    const std::size_t cells = columns - brackets;
    const auto gone = std::clamp(length - left, Duration::zero(), length);
    const double share = static_cast<double>(gone.count()) / static_cast<double>(length.count());
    constexpr std::array<std::string_view, 9> eighths = {" ", "▏", "▎", "▍", "▌",
                                                         "▋", "▊", "▉", "█"};
    const std::size_t parts = utf8 ? eighths.size() - 1 : 1;
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(cells * parts));
    std::string bar = utf8 ? "▕" : "[";
    for (std::size_t cell = 0; cell < cells; ++cell) {
        const std::size_t here = std::min(filled - std::min(filled, cell * parts), parts);
        bar += utf8 ? eighths[here] : here > 0 ? "#" : ".";
    }
    return bar + (utf8 ? "▏" : "]");
}

} // namespace svc::cli
