#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>

namespace svc {

namespace {

struct Character {
    std::uint32_t code_point = 0;
    std::size_t bytes = 0; ///< 0: the first byte of `text` does not begin a valid character
};

// RFC 3629, section 3: no overlong forms, no surrogates, nothing above U+10FFFF.
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (bytes == 0 || lead > 0xf4 || text.size() < bytes)
        return {};
    std::uint32_t code_point = lead & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return {};
        code_point = code_point << 6 | (byte(i) & 0x3fu);
    }
    const bool overlong =
        (bytes == 3 && code_point < 0x800) || (bytes == 4 && code_point < 0x10000);
    const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    if (overlong || surrogate || code_point > 0x10ffff)
        return {};
    return {code_point, bytes};
}

// C1 controls (U+0080 to U+009F) too: a terminal may take U+009B as the start of an escape
// sequence (ECMA-48, section 5.3).
bool is_control(std::uint32_t code_point) {
    return (code_point < 0x20 && code_point != '\t') || (code_point >= 0x7f && code_point < 0xa0);
}

// What turns the direction of the text around it, or is seen by nobody (Unicode's format characters, Cf, and its two
// separators of lines): a person reads another thing than what is there ("Trojan Source", CVE-2021-42574). The joiners
// U+200C and U+200D are letters' business, and stay.
bool deceives(std::uint32_t code_point) {
    struct Range {
        std::uint32_t first;
        std::uint32_t last;
    };
    constexpr std::array<Range, 10> ranges{{{0xad, 0xad},
                                            {0x61c, 0x61c},
                                            {0x180e, 0x180e},
                                            {0x200b, 0x200b},
                                            {0x200e, 0x200f},
                                            {0x2028, 0x202e},
                                            {0x2060, 0x206f},
                                            {0xfeff, 0xfeff},
                                            {0xfff9, 0xfffb},
                                            {0xe0000, 0xe007f}}};
    return std::any_of(ranges.begin(), ranges.end(), [code_point](const Range& range) {
        return code_point >= range.first && code_point <= range.last;
    });
}

struct Alias {
    std::string_view name;
    int signal;
};
// Second names of signal(7); sigabbrev_np(3) knows one name for each.
constexpr std::array<Alias, 4> aliases{{
    {"IO", SIGIO},
    {"IOT", SIGIOT},
    {"CLD", SIGCHLD},
    {"POLL", SIGPOLL},
}};

/// "HUP" of 1; empty for one that has no name.
std::string_view short_name(int signal) {
    // Signal 0 is a question (kill(2)), which sigabbrev_np calls EXIT.
    const char* name = signal > 0 ? ::sigabbrev_np(signal) : nullptr;
    return name == nullptr ? std::string_view{} : std::string_view{name};
}

// glibc keeps the first two real-time signals for itself (signal(7)): sending one of those breaks
// the threads of the receiver.
bool can_be_sent(int signal) {
    return !short_name(signal).empty() || (signal >= SIGRTMIN && signal <= SIGRTMAX);
}

/// "RTMIN+3", "RTMAX-1", "RTMIN"; 0 if it is none.
int real_time_signal(std::string_view name) {
    const bool from_minimum = name.starts_with("RTMIN");
    if (!from_minimum && !name.starts_with("RTMAX"))
        return 0;
    int offset = 0;
    std::string_view rest = name.substr(5);
    if (!rest.empty()) {
        if (rest.front() != (from_minimum ? '+' : '-') || !is_number(rest.substr(1)))
            return 0;
        rest.remove_prefix(1);
        const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), offset);
        if (parsed.ec != std::errc() || offset > SIGRTMAX - SIGRTMIN)
            return 0;
    }
    return from_minimum ? SIGRTMIN + offset : SIGRTMAX - offset;
}

int named_signal(std::string_view name) {
    for (const Alias& alias : aliases) {
        if (alias.name == name)
            return alias.signal;
    }
    for (int signal = 1; signal < SIGRTMIN; ++signal) {
        if (!name.empty() && short_name(signal) == name)
            return signal;
    }
    return real_time_signal(name);
}

/// Number of insertions, deletions, replacements and swaps of neighbours between two short words.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_previous;
    std::vector<std::size_t> previous(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = std::min(current[j], before_previous[j - 2] + 1);
        }
        before_previous = previous;
        std::swap(previous, current);
    }
    return previous[b.size()];
}

} // namespace

std::string printable(std::string_view text, std::size_t limit) {
    std::string result;
    result.reserve(std::min(text.size(), limit));
    while (!text.empty()) {
        const Character character = first_character(text);
        const bool kept = character.bytes > 0 && !is_control(character.code_point) &&
                          !deceives(character.code_point);
        const std::size_t taken = std::max<std::size_t>(character.bytes, 1);
        const std::string_view piece = kept ? text.substr(0, taken) : std::string_view("?");
        if (result.size() + piece.size() > limit)
            break;
        result += piece;
        text.remove_prefix(taken);
    }
    return result;
}

Result<std::uint64_t> parse_size(std::string_view text) {
    const auto refuse = [&](std::string_view why) {
        return Error{'"' + printable(text, 40) + "\" is not a size: " + std::string(why)};
    };
    constexpr std::string_view right_form = "write bytes or binary multiples: 4096, 512K, 64M, 1G";
    std::string_view digits = text;
    unsigned shift = 0;
    if (!digits.empty()) {
        constexpr std::string_view suffixes = "KMGT";
        const std::size_t index = suffixes.find(digits.back());
        if (index != std::string_view::npos) {
            shift = static_cast<unsigned>(10 * (index + 1));
            digits.remove_suffix(1);
        }
    }
    if (!is_number(digits))
        return refuse(right_form);
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || value > UINT64_MAX >> shift)
        return refuse("it does not fit into 64 bits");
    return value << shift;
}

bool is_plain_name(std::string_view text, std::size_t limit) {
    if (text.empty() || text.size() > limit || text.front() == '.' || text.front() == '-')
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    });
}

Result<int> parse_signal(std::string_view text) {
    const std::string shown = '"' + printable(text, 40) + '"';
    int signal = 0;
    if (is_number(text)) {
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), signal);
        if (parsed.ec == std::errc() && can_be_sent(signal))
            return signal;
        return Error{shown + " is not a signal's number; write a name such as SIGTERM, or a number "
                             "from kill -l"};
    }
    signal = named_signal(text.starts_with("SIG") ? text.substr(3) : text);
    if (signal != 0)
        return signal;
    std::string upper(text.substr(0, 16));
    for (char& c : upper)
        c = (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
    if (!upper.starts_with("SIG"))
        upper = "SIG" + upper;
    std::vector<std::string> names;
    for (int number = 1; number < SIGRTMIN; ++number) {
        if (!short_name(number).empty())
            names.push_back(signal_name(number));
    }
    const std::string meant = nearest(upper, names);
    if (!meant.empty())
        return Error{shown + " is not a signal; did you mean " + meant + '?'};
    return Error{shown + " is not a signal; write a name such as SIGTERM, SIGQUIT or SIGRTMIN+1"};
}

std::string signal_name(int signal) {
    const std::string_view name = short_name(signal);
    if (name.empty())
        return "signal " + std::to_string(signal);
    return "SIG" + std::string(name);
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    constexpr std::size_t furthest = 2;
    std::string best;
    std::size_t best_distance = furthest + 1;
    for (const std::string& candidate : candidates) {
        // Also keeps a hostile, huge word from costing anything.
        const std::size_t shorter = std::min(word.size(), candidate.size());
        const std::size_t longer = std::max(word.size(), candidate.size());
        if (longer - shorter > furthest)
            continue;
        const std::size_t distance = edit_distance(word, candidate);
        // With as many edits as letters, any word would be near any other.
        if (distance < best_distance && distance < longer) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string result;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0)
            result += separator;
        result += parts[i];
    }
    return result;
}

std::string shell_word(std::string_view word) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "_-./:=@%+,";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
        return std::string(word);
    std::string quoted = "'";
    for (const char byte : word)
        quoted += byte == '\'' ? std::string("'\\''") : std::string(1, byte);
    return quoted + '\'';
}

std::string shell_line(const std::vector<std::string>& words) {
    std::vector<std::string> typed;
    typed.reserve(words.size());
    for (const auto& word : words)
        typed.push_back(shell_word(word));
    return join(typed, " ");
}

std::optional<std::uint64_t> take_number(std::string_view& rest, int base) {
    std::string_view text = rest;
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    if (base == 16 && text.starts_with("0x"))
        text.remove_prefix(2);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    rest = text;
    return number;
}

std::string format_size(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024)
        return std::to_string(bytes) + " bytes";
    std::size_t unit = 0;
    std::uint64_t size = bytes; // in units of 1/1024 of units[unit]
    while (size >= 1024 * 1024 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    const std::uint64_t tenths = (size * 10 + 512) / 1024;
    std::string text = std::to_string(tenths / 10);
    if (tenths % 10 != 0)
        text += "." + std::to_string(tenths % 10);
    return text + " " + std::string(units[unit]);
}

} // namespace svc
