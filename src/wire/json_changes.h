// What changed between two values of a described struct, as JSON, and back into the older one.
//
//   {"replicas": 3,                                a member that is another one now: whole
//    "workers": {"put": {"7": {…}}, "erase": [3]}, of a map: the elements that are new or others now
//    "replica_list": {"size": 4, "put": {"2": {…}}}} of a vector of structs: likewise, by index
//
// Nothing goes deeper than that: an element that changed is written whole.
#pragma once

#include "wire/json_read.h"
#include "wire/json_write.h"

#include <algorithm>

namespace svc::wire::json_codec {

template <class T>
concept StructVector = Vector<T> && Struct<typename T::value_type>;

template <class Key, class Value>
void write_element(std::string& out, std::string_view& separator, const Key& key,
                   const Value& value) {
    out += separator;
    separator = ",";
    out += '"';
    write_number(out, key);
    out += "\":";
    write(out, value);
}

template <Map T>
void write_map_changes(std::string& out, T& before, const T& now) {
    out += R"({"put":{)";
    std::string_view separator;
    for (const auto& [key, value] : now) {
        const auto old = before.lower_bound(key);
        const bool there = old != before.end() && old->first == key;
        if (there && old->second == value)
            continue;
        write_element(out, separator, key, value);
        if (there)
            old->second = value;
        else
            before.emplace_hint(old, key, value);
    }
    out += R"(},"erase":[)";
    separator = "";
    std::erase_if(before, [&](const auto& element) {
        if (now.contains(element.first))
            return false;
        out += separator;
        separator = ",";
        write_number(out, element.first);
        return true;
    });
    out += "]}";
}

template <StructVector T>
void write_vector_changes(std::string& out, T& before, const T& now) {
    out += R"({"size":)";
    write_number(out, now.size());
    out += R"(,"put":{)";
    std::string_view separator;
    const std::size_t known = before.size();
    before.resize(now.size());
    for (std::size_t at = 0; at < now.size(); ++at) {
        if (at < known && before[at] == now[at])
            continue;
        write_element(out, separator, at, now[at]);
        before[at] = now[at];
    }
    out += "}}";
}

/// Appends the object, and makes `before` what `now` is: only what changed is copied. False: nothing
/// changed, and the object is {}.
template <Struct T>
bool write_changes(std::string& out, T& before, const T& now) {
    out += '{';
    const std::size_t empty = out.size();
    boost::mp11::mp_for_each<members_of<T>>([&]<class Descriptor>(Descriptor) {
        using Member = member_type<T, Descriptor>;
        Member& old = before.*Descriptor::pointer;
        const Member& member = now.*Descriptor::pointer;
        if (old == member)
            return;
        if (out.size() != empty)
            out += ',';
        out.append(written_key<Descriptor>.data(), written_key<Descriptor>.size());
        if constexpr (Map<Member>)
            write_map_changes(out, old, member);
        else if constexpr (StructVector<Member>)
            write_vector_changes(out, old, member);
        else
            write(out, old = member);
    });
    const bool changed = out.size() != empty;
    out += '}';
    return changed;
}

template <Map T>
bool read_map_changes(const json::object& from, T& to, const Rules& rules, Failure& failure) {
    const auto* put = from.if_contains("put");
    const auto* erase = from.if_contains("erase");
    if (!put || !put->is_object() || !erase || !erase->is_array())
        return failure.set("is not what changed in a map");
    for (const auto& gone : erase->get_array()) {
        typename T::key_type key{};
        if (!read_number(gone, key, failure))
            return failure.inside_member("erase");
        to.erase(key);
    }
    for (const auto& member : put->get_object()) {
        typename T::key_type key{};
        typename T::mapped_type element{};
        if (!read_key(member.key(), key, failure) || !read(member.value(), element, rules, failure))
            return failure.inside_element(member.key());
        to.insert_or_assign(std::move(key), std::move(element));
    }
    return true;
}

inline constexpr std::size_t vector_limit = 1'000'000; ///< elements: more is no state of ours

template <StructVector T>
bool read_vector_changes(const json::object& from, T& to, const Rules& rules, Failure& failure) {
    const auto* put = from.if_contains("put");
    const auto* given_size = from.if_contains("size");
    std::size_t size = 0;
    if (!put || !put->is_object() || !given_size || !read_number(*given_size, size, failure) ||
        size > vector_limit)
        return failure.set("is not what changed in a list");
    to.resize(size);
    for (const auto& member : put->get_object()) {
        std::size_t at = 0;
        if (!read_key(member.key(), at, failure))
            return false;
        if (at >= size)
            return failure.set("has an element behind its end");
        to[at] = {};
        if (!read(member.value(), to[at], rules, failure))
            return failure.inside_element(member.key());
    }
    return true;
}

/// Makes `to` what it was when write_changes() was told `now`.
template <Struct T>
bool read_changes(const json::value& from, T& to, const Rules& rules, Failure& failure) {
    const auto* object = from.if_object();
    if (!object)
        return failure.set("is not an object");
    bool good = true;
    std::size_t used = 0;
    boost::mp11::mp_for_each<members_of<T>>([&]<class Descriptor>(Descriptor) {
        using Member = member_type<T, Descriptor>;
        const auto* found = good ? object->if_contains(Descriptor::name) : nullptr;
        if (!found)
            return;
        ++used;
        Member& member = to.*Descriptor::pointer;
        if constexpr (Map<Member> || StructVector<Member>) {
            const auto* changes = found->if_object();
            if (!changes)
                good = failure.set("is not an object");
            else if constexpr (Map<Member>)
                good = read_map_changes(*changes, member, rules, failure);
            else
                good = read_vector_changes(*changes, member, rules, failure);
        } else {
            good = read(*found, member, rules, failure);
        }
        if (!good)
            failure.inside_member(Descriptor::name);
    });
    if (good && used != object->size() && !rules.ignore_unknown)
        return failure.set("has a member that nobody knows");
    return good;
}

} // namespace svc::wire::json_codec
