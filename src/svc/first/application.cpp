#include "svc/first/finding.h"

#include "wire/preset.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>

namespace svc::cli {
namespace {

constexpr std::size_t most_files = 60; ///< of one kind, in one directory

std::string text_in(const boost::json::value* value) {
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<Application> find_node(const Surroundings& here) {
    Application found;
    found.preset = "node";
    if (const auto text = here.read("package.json")) {
        boost::json::error_code error;
        const auto package = boost::json::parse(*text, error);
        if (!error && package.is_object()) {
            const auto& object = package.get_object();
            const auto* const scripts = object.if_contains("scripts");
            const std::string start = scripts && scripts->is_object()
                                          ? text_in(scripts->get_object().if_contains("start"))
                                          : "";
            const auto words = words_of(start);
            if (words && words->size() == 2 && words->front() == "node" && here.has(words->back()))
                found.target = words->back();
            if (found.target.empty())
                found.target = text_in(object.if_contains("main"));
        }
        found.found = "Found in package.json: " + found.target + ", which Node runs.";
        found.file = found.target;
        if (!found.target.empty() && here.has(found.target))
            return found;
    }
    for (const char* name : {"server.js", "app.js", "index.js", "web.js", "main.js"}) {
        if (!here.has(name))
            continue;
        found.target = name;
        found.file = name;
        found.found = "Found: " + found.target + ", which Node runs.";
        return found;
    }
    return std::nullopt;
}

/// The first file here that ends so and has the text.
std::optional<std::string> find_file(const Surroundings& here, std::string_view end,
                                     std::string_view text = {}) {
    for (const auto& name : here.list(".")) {
        if (!name.ends_with(end))
            continue;
        const auto content = here.read(name);
        if (content && content->find(text) != std::string::npos)
            return name;
    }
    return std::nullopt;
}

std::optional<Application> find_simple(const Surroundings& here, Family family) {
    const auto file = family == Family::rack   ? find_file(here, ".ru")
                      : family == Family::psgi ? find_file(here, ".psgi")
                                               : find_file(here, ".pl", "Mojolicious::Lite");
    if (!file)
        return std::nullopt;
    Application found;
    found.target = *file;
    found.file = *file;
    const bool unicorn = mentions(here, {"Gemfile", "Gemfile.lock"}, "unicorn");
    found.preset = family == Family::rack   ? (unicorn ? "unicorn" : "puma")
                   : family == Family::psgi ? "starlet"
                                            : "mojolicious";
    found.found = "Found: " + *file + ", " +
                  (family == Family::rack   ? "a Rack"
                   : family == Family::psgi ? "a PSGI"
                                            : "a Mojolicious") +
                  " application.";
    return found;
}

struct Configuration {
    const char* preset;
    const char* name;  ///< of its file, here
    const char* usual; ///< where a package has it
};
constexpr std::array<Configuration, 5> configurations = {
    {{"nginx", "nginx.conf", "/etc/nginx/nginx.conf"},
     {"haproxy", "haproxy.cfg", "/etc/haproxy/haproxy.cfg"},
     {"lighttpd", "lighttpd.conf", "/etc/lighttpd/lighttpd.conf"},
     {"h2o", "h2o.conf", "/etc/h2o/h2o.conf"},
     {"php-fpm", "php-fpm.conf", "/etc/php/8.2/fpm/php-fpm.conf"}}};

std::optional<Application> find_configuration(const Surroundings& here, const std::string& preset) {
    for (const auto& each : configurations) {
        if (!preset.empty() && preset != each.preset)
            continue;
        Application found;
        found.preset = each.preset;
        if (here.has(each.name))
            found.target = here.directory + "/" + each.name;
        else if (!preset.empty())
            found.target = each.usual;
        else
            continue;
        found.found = (here.has(found.target) ? "Found: " : "Not found: ") + found.target +
                      ", the configuration of " + each.preset + ".";
        return found;
    }
    return std::nullopt;
}

/// A built program: the one with the directory's name, or the only one.
std::optional<Application> find_program_here(const Surroundings& here) {
    const std::string name = here.directory.substr(here.directory.rfind('/') + 1);
    for (const char* place : {".", "bin", "build", "target/release", "dist", "out"}) {
        std::vector<std::string> programs;
        for (const auto& file : here.list(place)) {
            const std::string path = std::string(place) + "/" + file;
            if (file.find(".so") == std::string::npos && here.is_executable(path))
                programs.push_back(path.starts_with("./") ? path.substr(2) : path);
            if (programs.size() == most_files)
                break;
        }
        const auto same = std::find_if(programs.begin(), programs.end(), [&](const auto& path) {
            return path.substr(path.rfind('/') + 1) == name;
        });
        if (same == programs.end() && programs.size() != 1)
            continue;
        const std::string& chosen = same == programs.end() ? programs.front() : *same;
        Application found;
        found.command = {here.directory + "/" + chosen};
        found.found = "Found: " + chosen + ", a program.";
        return found;
    }
    return std::nullopt;
}

} // namespace

bool mentions(const Surroundings& here, std::initializer_list<const char*> files,
              std::string_view word) {
    return std::any_of(files.begin(), files.end(), [&](const char* file) {
        const auto text = here.read(file);
        return text && text->find(word) != std::string::npos;
    });
}

Family family_of(const std::string& preset) {
    if (preset == "gunicorn" || preset == "uwsgi")
        return Family::wsgi;
    if (preset == "uvicorn" || preset == "hypercorn")
        return Family::asgi;
    if (preset == "puma" || preset == "unicorn")
        return Family::rack;
    if (preset == "node")
        return Family::node;
    if (preset == "starlet")
        return Family::psgi;
    if (preset == "mojolicious")
        return Family::mojolicious;
    const auto known = wire::built_in_presets();
    const bool is_preset =
        std::any_of(known.begin(), known.end(), [&](auto& each) { return each.name == preset; });
    return is_preset ? Family::configuration : Family::none;
}

std::optional<Application> find_application(const Surroundings& here, const std::string& preset) {
    switch (family_of(preset)) {
    case Family::wsgi:
    case Family::asgi:
        return find_python(here, family_of(preset));
    case Family::node:
        return find_node(here);
    case Family::rack:
    case Family::psgi:
    case Family::mojolicious:
        return find_simple(here, family_of(preset));
    case Family::configuration:
        return find_configuration(here, preset);
    case Family::none:
        break;
    }
    return std::nullopt;
}

std::optional<Application> find_application(const Surroundings& here) {
    if (auto found = find_procfile(here))
        return found;
    if (auto found = find_python(here))
        return found;
    if (auto found = find_node(here))
        return found;
    for (const Family family : {Family::rack, Family::psgi, Family::mojolicious})
        if (auto found = find_simple(here, family))
            return found;
    if (auto found = find_configuration(here, ""))
        return found;
    return find_program_here(here);
}

std::string unfinished(const Surroundings& here) {
    const std::string again = ", then `svc init` again";
    if (here.has("go.mod"))
        return "here is a Go module that is not built yet: `go build`" + again;
    if (here.has("Cargo.toml"))
        return "here is a Rust package that is not built yet: `cargo build --release`" + again;
    if (here.has("manage.py"))
        return "here is a project of Django without its wsgi.py or asgi.py";
    if (here.has("package.json"))
        return "here is a package.json that names no file of its own for Node to run (\"main\", or "
               "\"start\": "
               "\"node FILE\")";
    return {};
}

} // namespace svc::cli
