// org.varlink.service: what every Varlink service answers about itself (varlink.org, "Service").
#pragma once

#include "svcd/front/call_handler.h"

#include <string_view>

namespace svc::daemon {

inline constexpr std::string_view service_interface_name = "org.varlink.service";

/// Answers a call of that interface.
void answer_introspection(const wire::VarlinkCall& call, Caller& caller);

// The interface's errors, with their one parameter.
void reply_interface_not_found(Caller& caller, std::string_view interface);
void reply_method_not_found(Caller& caller, std::string_view method);
void reply_invalid_parameter(Caller& caller, std::string_view parameter);
/// A method that streams was called without `more`.
void reply_expected_more(Caller& caller);

} // namespace svc::daemon
