// What a service file has from its preset (wire/preset.h).
#pragma once

#include "wire/preset.h"
#include "wire/service_file/mistakes.h"

#include <toml++/toml.h>

namespace svc::wire::service_file {

/// Adds to `file` what its preset has and it has not; what was added has no place in the file (line 0). A preset
/// that is not there, or has a mistake of its own, is a mistake of service.preset.
std::optional<Mistake> begin_with_preset(toml::table& file, const PresetPlace& place);

/// The first mistake in what a preset says by itself. Whether it is possible depends on the service file, whose
/// listeners it may name, say: that is asked of both together.
std::optional<Mistake> check_preset(std::string_view text);

} // namespace svc::wire::service_file
