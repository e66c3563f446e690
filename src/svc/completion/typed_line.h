// A command line as it is typed, in words: what stands before the cursor, and what stands after it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::cli {

enum class Shell { bash, zsh, fish };
std::optional<Shell> shell_called(std::string_view name);

/// Without quotes. What a shell would put there (variables, "~", the output of a command) stands as it was typed.
struct TypedLine {
    std::vector<std::string> before; ///< the program first; empty: its name is being typed
    std::string current;             ///< the word at the cursor, up to the cursor
    std::vector<std::string> after;
    bool redirects = false; ///< the current word is where a redirection goes to
};

/// Of the last command in `left`, which ends at the cursor, and what follows of it in `right`.
TypedLine read_line(std::string_view left, std::string_view right, Shell shell);

} // namespace svc::cli
