// The codec behind codec.h and control.h: described structs (described.h) to JSON text and back.
//
// Writing (json_write.h) goes straight to text, because the state is written after every step; reading
// (json_read.h) goes over Boost.JSON's values. There is one writer and one reader, for every type:
//
//   struct                    object, a member each        enum      its name
//   optional                  absent (or null), or value   variant   {"kind": "sleep", …members}
//   vector                    array                        bool, integers, strings as they are
//   map                       object; integer keys in decimal
//   real number               the shortest one that says it, finite; reads back but for the last place
//   duration, time point      integer, microseconds
//
// A string that is not UTF-8 (a path, an environment value: the kernel does not care) cannot stand
// in JSON. It is written as U+0001 and its bytes in hexadecimal, and so is one that begins with
// U+0001, so that every string reads back as it was.
#pragma once

#include "wire/described.h"

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace svc::wire::json_codec {

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
concept Real = std::is_floating_point_v<T>;
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

} // namespace svc::wire::json_codec
