// Errors that end with what to do about them.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace svc::os {

/// "cannot bind 0.0.0.0:80: Address already in use" + "; " + "find its owner with: …". An empty
/// remedy leaves the error as it is.
inline Error with_remedy(Error error, std::string_view remedy) {
    if (!remedy.empty()) {
        error.message += "; ";
        error.message += remedy;
    }
    return error;
}

/// system_error() with a remedy.
inline Error system_error(std::string what, int errno_value, std::string_view remedy) {
    return with_remedy(svc::system_error(std::move(what), errno_value), remedy);
}

} // namespace svc::os
