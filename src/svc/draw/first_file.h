// The service file that `svc init` writes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace svc::cli {

/// What is known of a service that has no file yet. What is empty stands in the file as a comment, for later.
struct FirstFile {
    struct Listener {
        std::string name;
        std::string address;
    };

    std::string name;
    std::vector<std::string> found; ///< sentences: what was found, and where
    std::string preset;
    std::vector<std::string> preset_notes; ///< what the preset says that its server needs
    std::vector<std::string> command;      ///< empty: the preset's own
    std::vector<std::string> command_why;  ///< sentences, before it
    std::string release;                   ///< a guess, of a command that is below it; else empty
    std::string directory;
    std::vector<std::string> inputs;
    std::string user;
    std::string user_why;     ///< behind it, or in its place
    std::string user_warning; ///< a sentence, before it: why it is nobody
    std::vector<std::string> environment_files;
    std::vector<Listener> listeners;
    std::string listener_why; ///< a sentence, before the first
    std::string ready;        ///< without a preset: "accepting", "notify"
    std::uint32_t replicas = 1;
    std::string replicas_why;
};

/// Each line says why it is there; what a person wants next stands in comments.
std::string write_first_file(const FirstFile& file);

/// As TOML has it: "a \"quoted\" word".
std::string toml_string(const std::string& text);
std::string toml_list(const std::vector<std::string>& texts);

} // namespace svc::cli
