// filled(): a value of any described type in which every member differs from its default, made
// from a seed. That no member is forgotten is described_test.cpp's part.
#pragma once

#include "wire/json_codec.h"

#include <boost/mp11/integral.hpp>

#include <limits>
#include <random>

namespace svc::wire::testing {

class Filler {
public:
    explicit Filler(std::uint64_t seed) : random_(seed) {}

    template <class T>
    void fill(T& value) {
        if constexpr (std::is_same_v<T, bool>) {
            value = !value;
        } else if constexpr (json_codec::Number<T>) {
            value = number<T>(value);
        } else if constexpr (json_codec::Real<T>) {
            value = static_cast<T>(number<std::int32_t>(0)) /
                    8; // Boost.JSON may read others one off in the last place
        } else if constexpr (std::is_same_v<T, std::string>) {
            value = text();
        } else if constexpr (std::is_same_v<T, Duration>) {
            value = Duration(number<std::int64_t>(value.count()));
        } else if constexpr (json_codec::Time<T>) {
            value = T(Duration(number<std::int64_t>(0)));
        } else if constexpr (json_codec::Enum<T>) {
            value = enumerator(value);
        } else if constexpr (json_codec::Optional<T>) {
            fill(value.emplace());
        } else if constexpr (json_codec::Vector<T>) {
            value.resize(1 + random_() % 3);
            for (auto& element : value)
                fill(element);
        } else if constexpr (json_codec::Map<T>) {
            for (auto count = 1 + random_() % 3; count > 0; --count) {
                typename T::key_type key{};
                fill(key);
                fill(value[key]);
            }
        } else if constexpr (json_codec::Variant<T>) {
            boost::mp11::mp_with_index<std::variant_size_v<T>>(
                random_() % std::variant_size_v<T>,
                [&](auto index) { fill(value.template emplace<index>()); });
        } else {
            boost::mp11::mp_for_each<json_codec::members_of<T>>(
                [&](auto descriptor) { fill(value.*descriptor.pointer); });
        }
    }

private:
    template <class T>
    T number(T other_than) {
        static constexpr T edges[] = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
        T value = other_than;
        while (value == other_than)
            value = random_() % 4 == 0 ? edges[random_() % 2] : static_cast<T>(random_());
        return value;
    }

    template <class T>
    T enumerator(T other_than) {
        T value = other_than;
        while (value == other_than)
            boost::mp11::mp_with_index<boost::mp11::mp_size<json_codec::enumerators_of<T>>::value>(
                random_() % boost::mp11::mp_size<json_codec::enumerators_of<T>>::value,
                [&](auto index) {
                    value = boost::mp11::mp_at_c<json_codec::enumerators_of<T>, index>::value;
                });
        return value;
    }

    /// Text, quotes, control characters, bytes that are no UTF-8: what a worker or a path may hold.
    std::string text() {
        static constexpr std::string_view pieces[] = {"web",
                                                      "/srv/\"x\"",
                                                      "\\",
                                                      "\n\t\x01",
                                                      "ä€𝄞",
                                                      "\x01",
                                                      std::string_view("\0", 1),
                                                      "\xff",
                                                      "\xc3",
                                                      "\xed\xa0\x80",
                                                      "\x7f",
                                                      "r7-2.1"};
        std::string value;
        for (auto count = 1 + random_() % 3; count > 0; --count)
            value += pieces[random_() % std::size(pieces)];
        return value;
    }

    std::mt19937_64 random_;
};

template <class T>
T filled(std::uint64_t seed) {
    T value;
    Filler(seed).fill(value);
    return value;
}

} // namespace svc::wire::testing
