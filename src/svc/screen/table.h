// Aligned columns.
#pragma once

#include "svc/screen/terminal.h"

#include <string>
#include <vector>

namespace svc::cli {

/// A column without any content is left out. Where the rows are too wide for the terminal, the
/// columns that may shrink do, the last one first.
class Table {
public:
    struct Column {
        std::string title;
        bool may_shrink = false;
    };
    struct Cell {
        std::string text; ///< safe()
        Tint tint = Tint::none;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// As many cells as there are columns. The note stands below the row.
    void add(std::vector<Cell> row, std::string note = {}) {
        rows_.push_back(std::move(row));
        notes_.push_back(std::move(note));
    }
    /// Whether nothing has to shrink.
    [[nodiscard]] bool fits(const Terminal& terminal) const {
        return terminal.width == 0 || widths(0) == widths(terminal.width);
    }
    [[nodiscard]] std::string text(const Terminal& terminal) const;

private:
    /// `available` 0: as many columns as it takes.
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t available) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
    std::vector<std::string> notes_;
};

} // namespace svc::cli
