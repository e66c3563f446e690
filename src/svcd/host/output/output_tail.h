// OutputTail: the last lines that a process wrote, for the report of its end. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

/// Bounded whatever is fed: at most 20 lines, 1 KiB of each line (its start) and 4 KiB in all.
class OutputTail {
public:
    static constexpr std::size_t line_limit = 20;
    static constexpr std::size_t line_bytes_limit = 1024;
    static constexpr std::size_t bytes_limit = 4096;

    void feed(std::string_view bytes);
    /// Oldest first, printable(); a last line that has no newline yet counts.
    [[nodiscard]] std::vector<std::string> lines() const;

private:
    void keep_line();

    std::deque<std::string> lines_;
    std::size_t bytes_ = 0; // of lines_
    std::string unfinished_;
};

} // namespace svc::daemon
