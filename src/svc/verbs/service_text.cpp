#include "svc/verbs/service_text.h"

#include "os/files.h"

#include <cstdlib>
#include <unistd.h>

namespace svc::cli {

wire::PresetPlace presets_in(std::string directory) {
    return {std::move(directory),
            [](const std::string& path) { return os::read_file(path, wire::service_file_limit); }};
}

Result<wire::ParsedServiceFile> read_service_file(const std::string& path) {
    const auto text = os::read_file(path, wire::service_file_limit);
    if (!text)
        return text.error();
    return wire::parse_service_file(*text, presets_in(wire::preset_directory(path)));
}

std::vector<std::string> configuration_directories() {
    std::vector<std::string> directories;
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/')
        directories.push_back(config + std::string("/svc"));
    else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        directories.push_back(home + std::string("/.config/svc"));
    directories.emplace_back("/etc/svc");
    return directories;
}

std::string usual_service_file(const std::string& service) {
    const auto directories = configuration_directories();
    for (const auto& directory : directories)
        if (std::string path = directory + '/' + service + ".toml";
            ::access(path.c_str(), R_OK) == 0)
            return path;
    return directories.back() + '/' + service + ".toml";
}

} // namespace svc::cli
