// Service files and presets as this machine has them.
#pragma once

#include "wire/service_file.h"

#include <string>
#include <vector>

namespace svc::cli {

/// Presets in `directory`, then those that are built in.
wire::PresetPlace presets_in(std::string directory);

/// With the presets beside it; an error if it cannot be read at all.
Result<wire::ParsedServiceFile> read_service_file(const std::string& path);

/// Where service files usually are, the user's own place first: "$HOME/.config/svc", "/etc/svc".
std::vector<std::string> configuration_directories();
/// "/etc/svc/web.toml": the first place where it is.
std::string usual_service_file(const std::string& service);

} // namespace svc::cli
