// Presets: what suits a known server, as the beginning of a service file.
#pragma once

#include "base/result.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace svc::wire {

/// A preset is a service file of which a part is missing: [service] preset = "NAME" has its keys where the file
/// itself says nothing. Tables are joined key by key; any other value, a list too, stands as the file has it. The
/// preset's [listener] is a table, and holds for each [[listener]] of the file. A preset has no preset.
struct Preset {
    std::string_view name;
    std::string_view text; ///< TOML; the comment that it begins with says what it is for
};

/// Those that this program was built with (src/presets/), in the order of their names.
std::span<const Preset> built_in_presets();

/// Where presets are found: a file NAME.toml in `directory` stands in place of the built-in one.
struct PresetPlace {
    std::string directory; ///< empty: only what is built in
    /// A whole file, or an error; with ENOENT there is none.
    std::function<Result<std::string>(const std::string& path)> read;
};
/// "/etc/svc/presets" for "/etc/svc/web.toml".
std::string preset_directory(std::string_view service_file);

struct FoundPreset {
    std::string from; ///< for mistakes: its path, or "preset nginx"
    std::string text;
};
/// An error says which there are.
Result<FoundPreset> find_preset(std::string_view name, const PresetPlace& place);

} // namespace svc::wire
