#include "wire/preset.h"

#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace svc::wire {

namespace {

constexpr std::size_t name_limit = 64;

} // namespace

std::string preset_directory(std::string_view service_file) {
    const std::size_t slash = service_file.rfind('/');
    return std::string(service_file.substr(0, slash == std::string_view::npos ? 0 : slash + 1)) +
           "presets";
}

Result<FoundPreset> find_preset(std::string_view name, const PresetPlace& place) {
    if (is_plain_name(name, name_limit) && !place.directory.empty()) {
        std::string path = place.directory + '/' + std::string(name) + ".toml";
        auto text = place.read(path);
        if (text)
            return FoundPreset{std::move(path), std::move(*text)};
        if (text.error().code != ENOENT)
            return text.error();
    }
    const auto presets = built_in_presets();
    const auto found = std::find_if(presets.begin(), presets.end(),
                                    [&](const Preset& preset) { return preset.name == name; });
    if (found != presets.end())
        return FoundPreset{"preset " + std::string(name), std::string(found->text)};
    std::vector<std::string> names;
    for (const Preset& preset : presets)
        names.emplace_back(preset.name);
    const std::string meant = nearest(name, names);
    return Error{"there is no preset \"" + printable(name, 40) + '"' +
                     (meant.empty() ? "" : "; did you mean " + meant + '?') +
                     " (built in: " + join(names, ", ") +
                     (place.directory.empty() ? "" : "; others: NAME.toml in " + place.directory) +
                     ')',
                 ENOENT};
}

} // namespace svc::wire
