#include "wire/journal_entry.h"

#include <boost/json/value.hpp>

namespace svc::wire {

std::string journal_field(const boost::json::object& entry, std::string_view name) {
    const auto* value = entry.if_contains(name);
    if (value == nullptr)
        return {};
    if (const auto* text = value->if_string())
        return std::string(*text);
    std::string bytes;
    if (const auto* array = value->if_array())
        for (const boost::json::value& byte : *array)
            if (const auto* number = byte.if_int64())
                bytes.push_back(static_cast<char>(*number));
    return bytes;
}

} // namespace svc::wire
