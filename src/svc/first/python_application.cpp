// WSGI (PEP 3333) and ASGI applications: found by what makes them (Flask(…), get_asgi_application(), …), by the
// parameters that a server calls them with, or as a factory, create_app().
#include "svc/first/finding.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace svc::cli {
namespace {

constexpr std::size_t most_files = 60; ///< of one kind, in one directory

bool is_identifier(char byte) {
    return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

bool python_mentions(const Surroundings& here, std::string_view word) {
    return mentions(
        here, {"requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg", "setup.py"}, word);
}

/// "app" of "app = Flask(__name__)" and of "app: Flask = Flask(__name__)", where `call` is "Flask(": only at the
/// beginning of a line, and only the whole name ("flask.Flask(" and not "MyFlask(").
std::string assigned_from(std::string_view text, std::string_view call) {
    for (auto at = text.find(call); at != std::string_view::npos; at = text.find(call, at + 1)) {
        if (at > 0 && is_identifier(text[at - 1]))
            continue;
        const auto line = text.rfind('\n', at) + 1; // npos + 1 is 0
        const auto before = text.substr(line, at - line);
        const auto end = static_cast<std::size_t>(
            std::find_if_not(before.begin(), before.end(), is_identifier) - before.begin());
        if (end > 0 && before.substr(end).find('=') != std::string_view::npos)
            return std::string(before.substr(0, end));
    }
    return {};
}

/// What stands behind `before` at the beginning of a line, up to its closing bracket; nullopt: nowhere.
std::optional<std::string_view> parameters_after(std::string_view text, const std::string& before) {
    std::size_t at = text.starts_with(before) ? 0 : text.find('\n' + before);
    if (at == std::string_view::npos)
        return std::nullopt;
    at = text.find('(', at) + 1;
    return text.substr(at, std::min(text.find(')', at), text.size()) - at);
}

/// A function that is called "application" or "app" and has so many parameters: a server calls it, whatever they are
/// called.
std::string defined_with(std::string_view text, const std::string& before,
                         std::ptrdiff_t parameters) {
    for (const char* name : {"application", "app"}) {
        const auto found = parameters_after(text, before + name + "(");
        if (found && !found->empty() &&
            std::count(found->begin(), found->end(), ',') + 1 == parameters)
            return name;
    }
    return {};
}

constexpr std::array wsgi_makers = {"Flask(",      "get_wsgi_application(", "Bottle(",
                                    "falcon.App(", "falcon.API(",           "make_wsgi_app("};
constexpr std::array asgi_makers = {
    "FastAPI(",  "Starlette(", "Quart(",      "falcon.asgi.App(",
    "Litestar(", "Sanic(",     "BlackSheep(", "get_asgi_application("};

template <std::size_t Count>
std::string made_by(std::string_view text, const std::array<const char*, Count>& makers) {
    for (const char* maker : makers)
        if (auto name = assigned_from(text, maker); !name.empty())
            return name;
    return {};
}

template <std::size_t Count>
bool uses_any(std::string_view text, const std::array<const char*, Count>& makers) {
    return std::any_of(makers.begin(), makers.end(), [&](const char* maker) {
        return text.find(maker) != std::string_view::npos;
    });
}

/// What a server is told to call in a file: "app", "create_app()"; empty: nothing of this family.
std::string callable_in(std::string_view text, Family family) {
    const bool wsgi = family == Family::wsgi;
    if (auto name = wsgi ? made_by(text, wsgi_makers) : made_by(text, asgi_makers); !name.empty())
        return name;
    if (auto name = wsgi ? defined_with(text, "def ", 2) : defined_with(text, "async def ", 3);
        !name.empty())
        return name;
    for (const std::string factory : {"create_app", "make_app", "create_application"}) {
        const auto parameters = parameters_after(text, "def " + factory + "(");
        // One that has to be told something cannot be called by a server.
        const bool callable =
            parameters &&
            std::count(parameters->begin(), parameters->end(), ',') + 1 ==
                std::count(parameters->begin(), parameters->end(), '=') +
                    (parameters->find_first_not_of(" \n\t") == std::string_view::npos);
        if (callable && (wsgi ? uses_any(text, wsgi_makers) : uses_any(text, asgi_makers)))
            return factory + "()";
    }
    return {};
}

/// Python files here and, of a package, those that have an application by custom: likely names first.
std::vector<std::string> python_files(const Surroundings& here) {
    std::vector<std::string> files;
    const auto names = here.list(".");
    for (const char* likely : {"wsgi.py", "asgi.py", "app.py", "main.py", "application.py"})
        if (here.has(likely))
            files.emplace_back(likely);
    for (const auto& name : names)
        for (const char* module :
             {"/wsgi.py", "/asgi.py", "/app.py", "/main.py", "/api.py", "/__init__.py"})
            if (name.find('.') == std::string::npos && here.has(name + module))
                files.push_back(name + module);
    for (const auto& name : names)
        if (name.ends_with(".py") && std::find(files.begin(), files.end(), name) == files.end())
            files.push_back(name);
    files.resize(std::min(files.size(), most_files));
    return files;
}

/// "shop.wsgi" of "shop/wsgi.py", "shop" of "shop/__init__.py".
std::string module_of(const std::string& file) {
    constexpr std::string_view package = "/__init__.py";
    std::string module =
        file.substr(0, file.size() - (file.ends_with(package) ? package.size() : 3));
    std::replace(module.begin(), module.end(), '/', '.');
    return module;
}

std::string server_for(const Surroundings& here, Family family) {
    if (family == Family::asgi)
        return python_mentions(here, "hypercorn") ? "hypercorn" : "uvicorn";
    return python_mentions(here, "uwsgi") || python_mentions(here, "uWSGI") ? "uwsgi" : "gunicorn";
}

} // namespace

std::optional<Application> find_python(const Surroundings& here, Family family) {
    for (const auto& file : python_files(here)) {
        const auto text = here.read(file);
        const std::string name = text ? callable_in(*text, family) : "";
        if (name.empty())
            continue;
        Application found;
        found.file = file;
        found.target = module_of(file) + ":" + name;
        const std::string kind = family == Family::wsgi ? "a WSGI" : "an ASGI";
        found.found = "Found in " + file + ": " + name + ", " +
                      (name.ends_with("()") ? "which makes " : "") + kind + " application" +
                      (here.has("manage.py") ? " of Django" : "") + ".";
        if (name.ends_with("()"))
            found.notes = {"The server calls " + name + " at its start, in each of its processes."};
        found.preset = server_for(here, family);
        return found;
    }
    return std::nullopt;
}

std::optional<Application> find_python(const Surroundings& here) {
    auto wsgi = find_python(here, Family::wsgi);
    auto asgi = find_python(here, Family::asgi);
    // Every project of Django has an asgi.py: it is meant where its server is wanted.
    if (wsgi && asgi && here.has("manage.py"))
        for (const char* server : {"uvicorn", "hypercorn", "daphne", "channels"})
            if (python_mentions(here, server))
                return asgi;
    if (wsgi && asgi && here.has("manage.py"))
        return wsgi;
    return asgi ? std::move(asgi) : std::move(wsgi);
}

} // namespace svc::cli
