// Small text functions that several layers need.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc {

/// `text` with every byte that is not valid UTF-8, every control character but tab, and every character that turns the
/// direction of others or cannot be seen, replaced by '?', cut at `limit` bytes on a character boundary. What a worker says reaches a terminal
/// and JSON only through this.
std::string printable(std::string_view text, std::size_t limit);

/// "64M", "1G", "512K", "4096": bytes, binary multiples.
Result<std::uint64_t> parse_size(std::string_view text);

/// A name for a service, a listener: [A-Za-z0-9_.-], 1 to `limit` bytes, not starting with '.' or
/// '-'.
bool is_plain_name(std::string_view text, std::size_t limit);

/// Decimal digits, one or more; of any value.
bool is_number(std::string_view text);

/// Signal number from "SIGTERM", "TERM" or "15"; an error names what would be right.
Result<int> parse_signal(std::string_view text);
/// "SIGTERM"; "signal 40" for one without a name.
std::string signal_name(int signal);

/// The word of `candidates` nearest to `word` (edit distance of at most 2), or empty: "did you
/// mean".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// As a shell reads it back: in single quotes, if it has anything in it but letters, digits and what is only itself.
std::string shell_word(std::string_view word);
/// A command as it would be typed.
std::string shell_line(const std::vector<std::string>& words);

/// Cuts a number off the front of what the kernel wrote: blanks before it, and the "0x" of a hexadecimal one, are
/// skipped. nullopt, and `rest` as it was: there is none, or one that is too large.
std::optional<std::uint64_t> take_number(std::string_view& rest, int base = 10);

/// "512 MiB", "1.5 GiB", "900 bytes": rounded to a tenth.
std::string format_size(std::uint64_t bytes);

} // namespace svc
