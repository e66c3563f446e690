#include "svc/verbs/application.h"

#include "wire/preset.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace svc::cli {
namespace {

constexpr std::size_t most_files = 60; ///< of one kind, in one directory

bool is_identifier(char byte) {
    return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

bool mentions(const Surroundings& here, std::initializer_list<const char*> files,
              std::string_view word) {
    return std::any_of(files.begin(), files.end(), [&](const char* file) {
        const auto text = here.read(file);
        return text && text->find(word) != std::string::npos;
    });
}

bool python_mentions(const Surroundings& here, std::string_view word) {
    return mentions(here, {"requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg"}, word);
}

/// "app" of "app = Flask(__name__)" in `text`, where `call` is "Flask(": only at the beginning of a line.
std::string assigned_from(std::string_view text, std::string_view call) {
    for (auto at = text.find(call); at != std::string_view::npos; at = text.find(call, at + 1)) {
        const auto line = text.rfind('\n', at) + 1; // npos + 1 is 0
        const auto before = text.substr(line, at - line);
        const auto end = static_cast<std::size_t>(
            std::find_if_not(before.begin(), before.end(), is_identifier) - before.begin());
        if (end > 0 && before.substr(end).find('=') != std::string_view::npos)
            return std::string(before.substr(0, end));
    }
    return {};
}

/// The name of a function at the beginning of a line: "application" of "def application(environ".
std::string defined_as(std::string_view text, std::string_view before, std::string_view after) {
    for (const char* name : {"application", "app"}) {
        const std::string wanted = std::string(before) + name + std::string(after);
        if (text.starts_with(wanted) || text.find('\n' + wanted) != std::string_view::npos)
            return name;
    }
    return {};
}

std::string wsgi_of(std::string_view text) {
    for (const char* call :
         {"Flask(", "get_wsgi_application(", "Bottle(", "falcon.App(", "falcon.API("})
        if (auto name = assigned_from(text, call); !name.empty())
            return name;
    return defined_as(text, "def ", "(environ");
}

std::string asgi_of(std::string_view text) {
    for (const char* call : {"FastAPI(", "Starlette(", "Quart(", "get_asgi_application(",
                             "falcon.asgi.App(", "Litestar("})
        if (auto name = assigned_from(text, call); !name.empty())
            return name;
    return defined_as(text, "async def ", "(scope");
}

/// Python files here and, of a package, its wsgi.py and asgi.py: likely names first.
std::vector<std::string> python_files(const Surroundings& here) {
    std::vector<std::string> files;
    const auto names = here.list(".");
    for (const char* likely : {"wsgi.py", "asgi.py", "app.py", "main.py", "application.py"})
        if (here.has(likely))
            files.emplace_back(likely);
    for (const auto& name : names)
        for (const char* module : {"/wsgi.py", "/asgi.py", "/app.py", "/main.py"})
            if (name.find('.') == std::string::npos && here.has(name + module))
                files.push_back(name + module);
    for (const auto& name : names)
        if (name.ends_with(".py") && std::find(files.begin(), files.end(), name) == files.end())
            files.push_back(name);
    files.resize(std::min(files.size(), most_files));
    return files;
}

std::optional<Application> find_python(const Surroundings& here, Family family) {
    for (const auto& file : python_files(here)) {
        const auto text = here.read(file);
        const std::string name = !text                    ? ""
                                 : family == Family::wsgi ? wsgi_of(*text)
                                                          : asgi_of(*text);
        if (name.empty())
            continue;
        std::string module = file.substr(0, file.size() - 3);
        std::replace(module.begin(), module.end(), '/', '.');
        Application found;
        found.target = module + ":" + name;
        found.found = "Found in " + file + ": " + name + ", " +
                      (family == Family::wsgi ? "a WSGI" : "an ASGI") + " application" +
                      (here.has("manage.py") ? " of Django" : "") + ".";
        found.preset =
            family == Family::wsgi
                ? (python_mentions(here, "uwsgi") || python_mentions(here, "uWSGI") ? "uwsgi"
                                                                                    : "gunicorn")
                : (python_mentions(here, "hypercorn") ? "hypercorn" : "uvicorn");
        return found;
    }
    return std::nullopt;
}

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
        if (!found.target.empty() && here.has(found.target))
            return found;
    }
    for (const char* name : {"server.js", "app.js", "index.js", "web.js", "main.js"}) {
        if (!here.has(name))
            continue;
        found.target = name;
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

/// "web: bundle exec puma -C config/puma.rb"
std::optional<Application> find_procfile(const Surroundings& here) {
    const std::string text = "\n" + here.read("Procfile").value_or("");
    const auto begin = text.find("\nweb:");
    if (begin == std::string::npos)
        return std::nullopt;
    const auto end = text.find('\n', begin + 1);
    std::string line = text.substr(begin + 5, end == std::string::npos ? end : end - begin - 5);
    line.erase(0, line.find_first_not_of(" \t"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    Application found;
    found.found = "Found in Procfile: web: " + line;
    for (std::size_t at = 0; at < line.size();) {
        const auto stop = std::min(line.find(' ', at), line.size());
        const std::string word = line.substr(at, stop - at);
        at = stop + 1;
        if (found.preset.empty() && family_of(word) != Family::none)
            found.preset = word;
        else if (!found.preset.empty() && found.target.empty() && !word.starts_with('-') &&
                 (word.find(':') != std::string::npos || word.ends_with(".js") ||
                  word.ends_with(".ru")) &&
                 word.find('$') == std::string::npos && word.find("://") == std::string::npos &&
                 // An address, the value of an option.
                 word.find_first_not_of("0123456789", word.rfind(':') + 1) != std::string::npos)
            found.target = word;
    }
    if (!found.preset.empty()) {
        if (const auto other = find_application(here, found.preset); other && found.target.empty())
            found.target = other->target;
        return found;
    }
    auto words = words_of(line);
    if (words && !words->empty() && words->front().find('=') != std::string::npos)
        found.command = {"/usr/bin/env"};
    if (words && !words->empty())
        found.command.insert(found.command.end(), words->begin(), words->end());
    else
        found.command = {"/bin/sh", "-c", "exec " + line};
    return found;
}

} // namespace

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

std::optional<std::vector<std::string>> words_of(std::string_view line) {
    if (line.find_first_of("$`|&;<>()*?~#\n\\") != std::string_view::npos)
        return std::nullopt;
    std::vector<std::string> words;
    bool open = false;
    char quote = 0;
    for (const char byte : line) {
        if (quote == 0 && (byte == ' ' || byte == '\t')) {
            open = false;
            continue;
        }
        if (!open)
            words.emplace_back();
        open = true;
        if (quote == 0 && (byte == '"' || byte == '\''))
            quote = byte;
        else if (byte == quote)
            quote = 0;
        else
            words.back() += byte;
    }
    return quote == 0 ? std::optional(std::move(words)) : std::nullopt;
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
    for (const Family family : {Family::asgi, Family::wsgi})
        if (auto found = find_python(here, family))
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

} // namespace svc::cli
