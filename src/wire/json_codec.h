// The codec behind codec.h and control.h: described structs (described.h) to JSON text and back.
//
// Writing goes straight to text, because the state is written after every step; reading goes over
// Boost.JSON's values. There is one writer and one reader, for every type:
//
//   struct                    object, a member each        enum      its name
//   optional                  absent (or null), or value   variant   {"kind": "sleep", …members}
//   vector                    array                        bool, integers, strings as they are
//   map                       object; integer keys in decimal
//   duration, time point      integer, microseconds
//
// A string that is not UTF-8 (a path, an environment value: the kernel does not care) cannot stand
// in JSON. It is written as U+0001 and its bytes in hexadecimal, and so is one that begins with
// U+0001, so that every string reads back as it was.
#pragma once

#include "wire/described.h"

#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace svc::wire::json_codec {

namespace json = boost::json;

// Kinds of types ---------------------------------------------------------------------------------

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <template <class...> class Template, class... Arguments>
inline constexpr bool is_a<Template<Arguments...>, Template> = true;

template <class T>
concept Time = is_a<T, std::chrono::time_point>;
template <class T>
concept Number = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <class T>
concept Enum = std::is_enum_v<T>;
template <class T>
concept Optional = is_a<T, std::optional>;
template <class T>
concept Vector = is_a<T, std::vector>;
template <class T>
concept Map = is_a<T, std::map>;
template <class T>
concept Variant = is_a<T, std::variant>;
template <class T>
concept Struct = boost::describe::has_describe_members<T>::value;

template <class T>
using members_of = boost::describe::describe_members<T, boost::describe::mod_public>;
template <class T>
using enumerators_of = boost::describe::describe_enumerators<T>;
template <class T, class Descriptor>
using member_type = std::remove_cvref_t<decltype(std::declval<T&>().*Descriptor::pointer)>;

// Writing ----------------------------------------------------------------------------------------

void write_string(std::string& out, std::string_view text);

template <Number T>
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
    } else if constexpr (Number<T>) {
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

// Reading ----------------------------------------------------------------------------------------

struct Rules {
    /// A member that is not there keeps its default. Else it is a mistake.
    bool missing_is_default = false;
    /// What a newer writer added (members, names of an enum) is passed over. Else it is a mistake.
    bool ignore_unknown = false;
};

/// The first mistake. Its path is put together on the way out, so that reading what is right costs
/// nothing for it.
struct Failure {
    std::string path;
    std::string message;

    bool set(std::string text) {
        message = std::move(text);
        return false;
    }
    bool inside_member(std::string_view name);
    bool inside_element(std::string_view index);
};

bool read_string(const json::value& from, std::string& to, Failure& failure);
bool decode_string(std::string_view text, std::string& to, Failure& failure);
/// Says which member of `from` is not in `known`.
bool unknown_member(const json::object& from, const std::vector<std::string_view>& known,
                    Failure& failure);

template <class T>
bool read(const json::value& from, T& to, const Rules& rules, Failure& failure);

template <Number T>
bool read_number(const json::value& from, T& to, Failure& failure) {
    if (const auto* number = from.if_int64(); number && std::in_range<T>(*number)) {
        to = static_cast<T>(*number);
        return true;
    }
    if (const auto* number = from.if_uint64(); number && std::in_range<T>(*number)) {
        to = static_cast<T>(*number);
        return true;
    }
    return failure.set("is not a whole number from " +
                       std::to_string(std::numeric_limits<T>::min()) + " to " +
                       std::to_string(std::numeric_limits<T>::max()));
}

template <Enum T>
bool read_enum(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    const auto* name = from.if_string();
    std::string names;
    bool found = false;
    if (name) {
        boost::mp11::mp_for_each<enumerators_of<T>>([&](auto enumerator) {
            if (!found && std::string_view(*name) == enumerator.name) {
                to = enumerator.value;
                found = true;
            }
        });
    }
    if (found || (name && rules.ignore_unknown))
        return true;
    boost::mp11::mp_for_each<enumerators_of<T>>([&](auto enumerator) {
        names += names.empty() ? "" : ", ";
        names += enumerator.name;
    });
    return failure.set("is not one of " + names);
}

/// `described` tells of members that belong to a variant's frame ("kind").
template <Struct T>
bool read_members(const json::object& from, T& to, const Rules& rules, Failure& failure,
                  bool has_kind) {
    auto next = from.begin();
    std::size_t used = has_kind ? 1 : 0;
    if (has_kind && next != from.end() && next->key() == "kind")
        ++next;
    bool good = true;
    boost::mp11::mp_for_each<members_of<T>>([&]<class Descriptor>(Descriptor) {
        if (!good)
            return;
        // What this codec wrote is in the order of the description: no search is needed.
        const json::value* found = nullptr;
        if (next != from.end() && next->key() == Descriptor::name)
            found = &(next++)->value();
        else
            found = from.if_contains(Descriptor::name);
        if (found) {
            ++used;
            good = read(*found, to.*Descriptor::pointer, rules, failure);
        } else if (!Optional<member_type<T, Descriptor>> && !rules.missing_is_default) {
            good = failure.set("is missing");
        }
        if (!good)
            failure.inside_member(Descriptor::name);
    });
    if (!good || used == from.size() || rules.ignore_unknown)
        return good;
    std::vector<std::string_view> known;
    if (has_kind)
        known.emplace_back("kind");
    boost::mp11::mp_for_each<members_of<T>>(
        [&known](auto descriptor) { known.emplace_back(descriptor.name); });
    return unknown_member(from, known, failure);
}

template <Vector T>
bool read_vector(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    const auto* array = from.if_array();
    if (!array)
        return failure.set("is not an array");
    to.clear();
    to.reserve(array->size());
    for (const auto& element : *array)
        if (!read(element, to.emplace_back(), rules, failure))
            return failure.inside_element(std::to_string(to.size() - 1));
    return true;
}

template <class Key>
bool read_key(std::string_view text, Key& key, Failure& failure) {
    if constexpr (Number<Key>) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), key);
        // One spelling a number: two keys must not mean the same element.
        if (error == std::errc{} && std::to_string(key) == text)
            return true;
        return failure.set("has a key that is not a whole number");
    } else {
        return decode_string(text, key, failure);
    }
}

template <Map T>
bool read_map(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    const auto* object = from.if_object();
    if (!object)
        return failure.set("is not an object");
    to.clear();
    for (const auto& member : *object) {
        typename T::key_type key{};
        if (!read_key(member.key(), key, failure))
            return false;
        auto& element =
            to.emplace_hint(to.end(), std::move(key), typename T::mapped_type{})->second;
        if (!read(member.value(), element, rules, failure))
            return failure.inside_element(member.key());
    }
    return true;
}

template <Variant T>
bool read_variant(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    const auto* object = from.if_object();
    const auto* kind = object ? object->if_contains("kind") : nullptr;
    if (!kind || !kind->is_string())
        return failure.set("is not an object with a \"kind\"");
    bool found = false;
    bool good = false;
    std::string kinds;
    boost::mp11::mp_for_each<boost::mp11::mp_iota<std::variant_size<T>>>([&]<class Index>(Index) {
        using Alternative = std::variant_alternative_t<Index::value, T>;
        kinds += kinds.empty() ? "" : ", ";
        kinds += variant_kind<Alternative>;
        if (found || std::string_view(kind->get_string()) != variant_kind<Alternative>)
            return;
        found = true;
        good = read_members(*object, to.template emplace<Index::value>(), rules, failure, true);
    });
    if (found)
        return good;
    failure.set("is not one of " + kinds);
    return failure.inside_member("kind");
}

template <Optional T>
bool read_optional(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    to.reset();
    return from.is_null() || read(from, to.emplace(), rules, failure);
}

template <class T>
bool read(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    if constexpr (std::is_same_v<T, bool>) {
        const auto* flag = from.if_bool();
        to = flag && *flag;
        return flag || failure.set("is neither true nor false");
    } else if constexpr (Number<T>) {
        return read_number(from, to, failure);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return read_string(from, to, failure);
    } else if constexpr (std::is_same_v<T, Duration>) {
        Duration::rep count = 0;
        const bool good = read_number(from, count, failure);
        to = Duration(count);
        return good;
    } else if constexpr (Time<T>) {
        typename T::duration since_epoch{};
        const bool good = read(from, since_epoch, rules, failure);
        to = T(since_epoch);
        return good;
    } else if constexpr (Enum<T>) {
        return read_enum(from, to, rules, failure);
    } else if constexpr (Optional<T>) {
        return read_optional(from, to, rules, failure);
    } else if constexpr (Vector<T>) {
        return read_vector(from, to, rules, failure);
    } else if constexpr (Map<T>) {
        return read_map(from, to, rules, failure);
    } else if constexpr (Variant<T>) {
        return read_variant(from, to, rules, failure);
    } else {
        static_assert(Struct<T>, "describe the type in described.h");
        const auto* object = from.if_object();
        return object ? read_members(*object, to, rules, failure, false)
                      : failure.set("is not an object");
    }
}

} // namespace svc::wire::json_codec
