// A setting's value as the service file would have it, for a person.
#pragma once

#include "base/text.h"
#include "wire/described.h"
#include "wire/json_codec.h"

#include <boost/describe/enum_to_string.hpp>

#include <algorithm>
#include <limits>

namespace svc::daemon::setting_text {

namespace codec = wire::json_codec;

inline constexpr std::size_t text_limit = 400; ///< bytes of one string

inline std::string quoted(std::string_view text) {
    return '"' + printable(text, text_limit) + '"';
}

/// Numbers that are never written in decimal: permission bits and signals.
template <codec::Number T>
std::string number_text(std::string_view key, T value) {
    if (key == "signal")
        return quoted(signal_name(static_cast<int>(value)));
    if (key == "cpu_max")
        return quoted(std::to_string(value) + "%");
    if (key != "umask" && key != "mode")
        return std::is_same_v<T, std::uint64_t> && value == std::numeric_limits<T>::max()
                   ? "\"infinity\""
                   : std::to_string(value);
    std::string digits;
    for (auto left = static_cast<std::uint64_t>(value); left > 0; left /= 8)
        digits.insert(digits.begin(), static_cast<char>('0' + left % 8));
    return "\"0" + digits + '"';
}

template <class T>
std::string text_of(std::string_view key, const T& value);

template <class T>
bool is_unset(const T& value) {
    if constexpr (codec::Optional<T>)
        return !value;
    else
        return false;
}

/// "{ exec = … }", for one that has a single member its value alone.
template <codec::Variant T>
std::string variant_text(const T& variant) {
    return std::visit(
        []<class Alternative>(const Alternative& alternative) {
            using Members = codec::members_of<Alternative>;
            if constexpr (std::is_same_v<Alternative, rollout::HttpProbe>)
                return "{ http = " + quoted(alternative.url) +
                       (alternative.listener.empty()
                            ? ""
                            : ", listener = " + quoted(alternative.listener)) +
                       " }";
            std::string text = std::string("{ ") + wire::variant_kind<Alternative> + " = ";
            if constexpr (boost::mp11::mp_size<Members>::value == 1)
                boost::mp11::mp_for_each<Members>([&](auto member) {
                    text += text_of(member.name, alternative.*member.pointer);
                });
            else
                text += text_of("", alternative);
            return text + " }";
        },
        variant);
}

template <class T>
std::string list_text(std::string_view key, const T& values) {
    std::vector<std::string> parts;
    for (const auto& value : values) {
        if constexpr (codec::Map<T>)
            parts.push_back(printable(value.first, text_limit) + " = " + text_of("", value.second));
        else
            parts.push_back(text_of(key, value));
    }
    const std::string inside = join(parts, ", ");
    if constexpr (codec::Map<T>)
        return inside.empty() ? "{}" : "{ " + inside + " }";
    else
        return '[' + inside + ']';
}

template <class T>
std::string text_of(std::string_view key, const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (codec::Number<T>) {
        return number_text(key, value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return quoted(value);
    } else if constexpr (std::is_same_v<T, Duration>) {
        return quoted(format_duration(value));
    } else if constexpr (std::is_same_v<T, Address>) {
        return quoted(format_address(value));
    } else if constexpr (std::is_same_v<T, rollout::Share>) {
        const std::string number = std::to_string(value.value);
        return value.percent ? quoted(number + "%") : number;
    } else if constexpr (codec::Enum<T>) {
        std::string name = boost::describe::enum_to_string(value, "?");
        std::replace(name.begin(), name.end(), '_', '-');
        return quoted(name);
    } else if constexpr (codec::Optional<T>) {
        return value ? text_of(key, *value) : "not set";
    } else if constexpr (codec::Vector<T> || codec::Map<T>) {
        return list_text(key, value);
    } else if constexpr (codec::Variant<T>) {
        return variant_text(value);
    } else {
        static_assert(codec::Struct<T>, "describe the type in described.h");
        std::vector<std::string> parts;
        boost::mp11::mp_for_each<codec::members_of<T>>([&](auto member) {
            const auto& part = value.*member.pointer;
            using Part = std::remove_cvref_t<decltype(part)>;
            const std::string text = text_of(member.name, part);
            // What a hook or a probe does stands in its table, beside the timeout.
            if constexpr (codec::Variant<Part>)
                parts.push_back(text.substr(2, text.size() - 4));
            else if (!is_unset(part))
                parts.push_back(std::string(member.name) + " = " + text);
        });
        return "{ " + join(parts, ", ") + " }";
    }
}

} // namespace svc::daemon::setting_text
