// What the methods do first with a call.
#pragma once

#include "svcd/front/call_handler.h"
#include "svcd/front/introspection.h"
#include "wire/control.h"

#include <optional>

namespace svc::daemon {

constexpr std::size_t cause_limit = 200; ///< bytes of a cause or a reason that a caller gives

/// The parameters of a call as a struct; the mistake is answered if there is one.
template <class T>
std::optional<T> parameters_of(const wire::VarlinkCall& call, Caller& caller) {
    auto parsed = wire::from_json<T>(call.parameters);
    if (parsed)
        return std::move(*parsed);
    reply_invalid_parameter(caller, parsed.error().message);
    return std::nullopt;
}

/// Cut off it could be another request's.
inline bool is_short(const std::string& token, Caller& caller) {
    constexpr std::size_t limit = 64;
    if (token.size() > limit)
        reply_invalid_parameter(caller, "token");
    return token.size() <= limit;
}

} // namespace svc::daemon
