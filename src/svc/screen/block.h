// Block: some lines of a terminal that are drawn again in place.
#pragma once

#include "svc/screen/terminal.h"

#include <string>
#include <vector>

namespace svc::cli {

/// The block stands at the end of what is on the screen; below its last line waits the cursor, in the first
/// column, so that whatever else is written (a shell's prompt after SIGKILL, the "^C" of the terminal itself) begins
/// a line of its own. Nothing of the terminal is changed that had to be put back: no other screen, no hidden
/// cursor, no margins. All of it is text to be written at once.
class Block {
public:
    /// Draws `lines` over the ones before. None of them may be wider than the terminal, nor all of them fill it.
    std::string draw(const std::vector<std::string>& lines, const Terminal& terminal);
    /// Takes them away: the cursor is where the first of them was.
    std::string clear(const Terminal& terminal);
    /// Others wrote to the terminal: what was drawn stays, and the next drawing is a new block.
    void forget() { columns_.clear(); }
    [[nodiscard]] bool empty() const { return columns_.empty(); }

private:
    [[nodiscard]] std::string to_first(const Terminal& terminal) const;

    std::vector<std::size_t> columns_; ///< of each line on the screen
};

} // namespace svc::cli
