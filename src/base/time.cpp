#include "base/time.h"

#include <array>
#include <charconv>

namespace svc {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t microseconds;
};

// Largest first: durations are written, read and formatted in this order.
constexpr std::array<Unit, 6> units{{
    {"d", 86'400'000'000},
    {"h", 3'600'000'000},
    {"m", 60'000'000},
    {"s", 1'000'000},
    {"ms", 1'000},
    {"us", 1},
}};

constexpr std::int64_t longest = 100LL * 365 * 86'400'000'000;
constexpr std::string_view right_form = "write a number and a unit, such as 30s, 1m30s or 250ms "
                                        "(units: d, h, m, s, ms, us)";

Error refuse(std::string_view text, std::string_view why) {
    constexpr std::size_t shown = 40;
    std::string message = "\"";
    message += text.substr(0, shown);
    if (text.size() > shown)
        message += "…";
    message += "\" is not a duration: ";
    message += why;
    return Error{std::move(message)};
}

std::size_t count_digits(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9')
        ++count;
    return count;
}

std::size_t count_letters(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && text[count] >= 'a' && text[count] <= 'z')
        ++count;
    return count;
}

std::string with_unit(std::int64_t count, std::string_view unit) {
    std::string text = std::to_string(count);
    text += unit;
    return text;
}

// Negating the smallest int64 overflows; nothing is that long, so it is clamped.
std::int64_t magnitude(std::int64_t microseconds) {
    if (microseconds == INT64_MIN)
        return INT64_MAX;
    return microseconds < 0 ? -microseconds : microseconds;
}

} // namespace

Result<Duration> parse_duration(std::string_view text) {
    if (text == "0")
        return Duration::zero();
    if (text.empty())
        return refuse(text, right_form);
    std::int64_t total = 0;
    std::size_t next_unit = 0; // units before it were used: each at most once, largest first
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t digits = count_digits(rest);
        if (digits == 0)
            return refuse(text, right_form);
        std::int64_t count = 0;
        const auto parsed = std::from_chars(rest.data(), rest.data() + digits, count);
        if (parsed.ec != std::errc())
            return refuse(text, "the longest is 100 years (36500d)");
        rest.remove_prefix(digits);
        const std::string_view name = rest.substr(0, count_letters(rest));
        if (name.empty())
            return refuse(text, rest.empty() ? "its unit is missing; write 30s, 1m30s or 250ms"
                                             : right_form);
        std::size_t index = next_unit;
        while (index < units.size() && units[index].name != name)
            ++index;
        if (index == units.size())
            return refuse(text, right_form);
        if (count > longest / units[index].microseconds)
            return refuse(text, "the longest is 100 years (36500d)");
        total += count * units[index].microseconds;
        if (total > longest)
            return refuse(text, "the longest is 100 years (36500d)");
        next_unit = index + 1;
        rest.remove_prefix(name.size());
    }
    return Duration(total);
}

std::string format_duration(Duration value) {
    if (value == Duration::zero())
        return "0s";
    std::string text = value < Duration::zero() ? "-" : "";
    std::int64_t rest = magnitude(value.count());
    for (const Unit& unit : units) {
        if (rest >= unit.microseconds)
            text += with_unit(rest / unit.microseconds, unit.name);
        rest %= unit.microseconds;
    }
    return text;
}

std::string format_rough(Duration value) {
    constexpr std::size_t seconds = 3; // index of "s": below it one unit is enough for a glance
    if (value == Duration::zero())
        return "0s";
    const std::int64_t all = magnitude(value.count());
    std::size_t index = 0;
    while (all < units[index].microseconds)
        ++index;
    const Unit& unit = units[index];
    std::string text = value < Duration::zero() ? "-" : "";
    text += with_unit(all / unit.microseconds, unit.name);
    if (index >= seconds)
        return text;
    const Unit& smaller = units[index + 1];
    const std::int64_t rest = all % unit.microseconds / smaller.microseconds;
    if (rest != 0)
        text += with_unit(rest, smaller.name);
    return text;
}

} // namespace svc
