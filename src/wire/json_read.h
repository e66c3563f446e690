// Described structs from Boost.JSON's values, strictly: json_codec.h says how.
#pragma once

#include "wire/json_codec.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

namespace svc::wire::json_codec {

namespace json = boost::json;

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
    } else if constexpr (Real<T>) {
        boost::system::error_code error;
        to = from.to_number<T>(error);
        return !error || failure.set("is not a number");
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
