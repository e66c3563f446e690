// preset: what a preset says, or which there are.
#include "wire/preset.h"
#include "svc/talk/conversation.h"
#include "svc/verbs/service_text.h"
#include "svc/verbs/verbs.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace svc::cli {
namespace {

/// In the first place of its name, as a service file there would have it.
Result<wire::FoundPreset> find(const std::string& name) {
    const auto directories = configuration_directories();
    for (const auto& directory : directories) {
        auto found = wire::find_preset(name, presets_in(directory + "/presets"));
        if (directory == directories.back() || (found && found->from.starts_with('/')))
            return found;
    }
    fatal("there is always a directory for service files");
}

/// The comment that it begins with: its first line.
std::string summary_of(std::string_view text) {
    std::string_view line = text.substr(0, text.find('\n'));
    if (!line.starts_with('#'))
        return {};
    line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
    return std::string(line);
}

} // namespace

int show_preset(const Options& options, const Console& console) {
    if (!options.name.empty()) {
        const auto preset = find(options.name);
        if (!preset)
            return fail(Error{preset.error().message}, console);
        if (options.json)
            print_json({{"name", options.name}, {"from", preset->from}, {"text", preset->text}},
                       console);
        else
            console.out(preset->text);
        return exit_done;
    }
    boost::json::array list;
    for (const wire::Preset& preset : wire::built_in_presets()) {
        const std::string summary = summary_of(preset.text);
        if (options.json)
            list.push_back({{"name", preset.name}, {"summary", summary}, {"text", preset.text}});
        else
            console.out(summary + '\n');
    }
    if (options.json)
        print_json(list, console);
    return exit_done;
}

} // namespace svc::cli
