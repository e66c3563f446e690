// The place that an HTTP hook or probe speaks to. Pure.
#pragma once

#include "rollout/spec.h"

#include <string_view>

namespace svc::wire::service_file {

/// "http://127.0.0.1:9000/drain", "http://[::1]:9000/", "unix:/run/web.sock:/drain".
Result<rollout::HttpHook> parse_hook_url(std::string_view url);

} // namespace svc::wire::service_file
