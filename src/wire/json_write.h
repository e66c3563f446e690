// Described structs to JSON text: json_codec.h says how.
#pragma once

#include "wire/json_codec.h"

#include <boost/describe/enum_to_string.hpp>

#include <array>
#include <charconv>
#include <string_view>

namespace svc::wire::json_codec {

void write_string(std::string& out, std::string_view text);

template <class T>
requires Number<T> || Real<T>
void write_number(std::string& out, T number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

/// `"name":`, made at compile time: a member's key costs one append.
template <class Descriptor>
inline constexpr auto written_key = [] {
    constexpr std::size_t length = std::char_traits<char>::length(Descriptor::name);
    std::array<char, length + 3> key{};
    key[0] = '"';
    for (std::size_t at = 0; at < length; ++at)
        key[at + 1] = Descriptor::name[at];
    key[length + 1] = '"';
    key[length + 2] = ':';
    return key;
}();

template <class T>
void write(std::string& out, const T& value);

/// The members, comma-separated, after `separator` ("" or ",").
template <Struct T>
void write_members(std::string& out, const T& value, std::string_view separator) {
    boost::mp11::mp_for_each<members_of<T>>([&]<class Descriptor>(Descriptor) {
        const auto& member = value.*Descriptor::pointer;
        if constexpr (Optional<member_type<T, Descriptor>>)
            if (!member)
                return;
        out += separator;
        separator = ",";
        out.append(written_key<Descriptor>.data(), written_key<Descriptor>.size());
        write(out, member);
    });
}

template <Map T>
void write_map(std::string& out, const T& map) {
    out += '{';
    std::string_view separator;
    for (const auto& [key, value] : map) {
        out += separator;
        separator = ",";
        if constexpr (Number<typename T::key_type>) {
            out += '"';
            write_number(out, key);
            out += '"';
        } else {
            write_string(out, key);
        }
        out += ':';
        write(out, value);
    }
    out += '}';
}

template <Vector T>
void write_vector(std::string& out, const T& values) {
    out += '[';
    std::string_view separator;
    for (const auto& value : values) {
        out += separator;
        separator = ",";
        write(out, value);
    }
    out += ']';
}

template <Variant T>
void write_variant(std::string& out, const T& variant) {
    std::visit(
        [&out]<class Alternative>(const Alternative& alternative) {
            static_assert(variant_kind<Alternative> != nullptr);
            out += R"({"kind":")";
            out += variant_kind<Alternative>;
            out += '"';
            write_members(out, alternative, ",");
            out += '}';
        },
        variant);
}

template <class T>
void write(std::string& out, const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (Number<T> || Real<T>) {
        write_number(out, value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        write_string(out, value);
    } else if constexpr (std::is_same_v<T, Duration>) {
        write_number(out, value.count());
    } else if constexpr (Time<T>) {
        write(out, value.time_since_epoch());
    } else if constexpr (Enum<T>) {
        out += '"';
        out += boost::describe::enum_to_string(value, "?");
        out += '"';
    } else if constexpr (Optional<T>) {
        value ? write(out, *value) : void(out += "null");
    } else if constexpr (Vector<T>) {
        write_vector(out, value);
    } else if constexpr (Map<T>) {
        write_map(out, value);
    } else if constexpr (Variant<T>) {
        write_variant(out, value);
    } else {
        static_assert(Struct<T>, "describe the type in described.h");
        out += '{';
        write_members(out, value, "");
        out += '}';
    }
}

} // namespace svc::wire::json_codec
