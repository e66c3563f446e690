#include "svc/first/first_steps.h"

#include "base/text.h"
#include "svc/first/application.h"
#include "wire/preset.h"

#include <algorithm>
#include <unistd.h>

namespace svc::cli {
namespace {

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// A service's name has letters, digits, '.', '_' and '-'.
std::string plain(std::string name) {
    std::erase_if(name, [](char byte) {
        return !((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                 (byte >= '0' && byte <= '9') || byte == '_' || byte == '-');
    });
    return name.empty() ? "web" : name.substr(0, 40);
}

/// The paragraphs of the comment that a preset begins with: what its server, or the application, has to do. Without
/// its example of a command: the file has one.
std::vector<std::string> notes_of(const std::string& preset) {
    std::vector<std::string> notes;
    const auto found = wire::find_preset(preset, {});
    if (preset.empty() || !found)
        return notes;
    bool open = false;
    std::string_view text = found->text;
    while (text.starts_with('#')) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
        if (line.starts_with("command = "))
            continue;
        if (open && !line.empty())
            notes.back() += " " + std::string(line);
        else if (!line.empty())
            notes.emplace_back(line);
        open = !line.empty();
    }
    return notes;
}

/// Where a program is: as it is called, in the application's own environment (Python's), or in PATH; empty: nowhere.
std::string find_program(const Surroundings& here, const std::string& program) {
    if (program.starts_with('/'))
        return program;
    if (program.find('/') != std::string::npos)
        return here.directory + "/" + (program.starts_with("./") ? program.substr(2) : program);
    for (const char* environment : {".venv/bin/", "venv/bin/", "env/bin/"})
        if (here.is_program(environment + program))
            return here.directory + "/" + environment + program;
    return here.find_program(program);
}

/// For a server that is wanted whether or not it is installed.
std::string path_of(const Surroundings& here, const std::string& program) {
    auto found = find_program(here, program);
    return found.empty() ? "/usr/bin/" + program : found;
}

/// Of a path where no program is.
Error no_program_at(const Surroundings& here, const std::string& path) {
    if (here.has(path))
        return Error{shell_word(path) + " is no program: chmod +x makes it one"};
    return Error{"there is no program " + shell_word(path)};
}

/// Of a command that is not there: a wrong word makes no service.
Error no_program(const Surroundings& here, const std::string& program) {
    std::vector<std::string> names;
    for (const auto& directory : here.search)
        for (auto& name : here.list(directory))
            names.push_back(std::move(name));
    const std::string meant = nearest(program, names);
    const bool here_too = here.is_program(program);
    return Error{"there is no program " + shell_word(program) + " in PATH (" +
                 join(here.search, ":") + ')' +
                 (here_too        ? "; the one in this directory is ./" + shell_word(program)
                  : meant.empty() ? ""
                                  : "; did you mean " + meant + "?")};
}

std::vector<std::string> uwsgi_command(const std::string& program, const std::string& target) {
    std::vector<std::string> command = {program,
                                        "--master",
                                        "--hook-master-start",
                                        "unix_signal:15 gracefully_kill_them_all",
                                        "--http-socket",
                                        "fd://3",
                                        "--need-app"}; // else it serves errors where there is none
    if (program.starts_with(
            "/usr/bin/")) // Debian's knows Python only with this; pip's has no plugins
        command.insert(command.end(), {"--plugin", "python3"});
    command.insert(command.end(), {"--module", target});
    return command;
}

/// As src/presets/ has them; empty: the preset's own command is meant.
std::vector<std::string> command_of(const Surroundings& here, const std::string& preset,
                                    const std::string& target, const std::string& address) {
    const auto program = [&](const char* name) { return path_of(here, name); };
    if (preset == "gunicorn")
        return {program("gunicorn"), target};
    if (preset == "uwsgi")
        return uwsgi_command(program("uwsgi"), target);
    if (preset == "uvicorn" && target.ends_with("()"))
        return {program("uvicorn"), "--fd", "3", "--factory", target.substr(0, target.size() - 2)};
    if (preset == "uvicorn")
        return {program("uvicorn"), "--fd", "3", target};
    if (preset == "hypercorn")
        return {program("hypercorn"), "--bind", "fd://3", target};
    if (preset == "node")
        return {program("node"), target};
    if (preset == "puma")
        return {program("puma"), "--bind-to-activated-sockets", "only", target};
    if (preset == "unicorn")
        return {program("unicorn"), "--listen", address, target};
    if (preset == "starlet")
        return {program("plackup"), "-s", "Starlet", target};
    if (preset == "mojolicious")
        return {here.directory + "/" + target, "prefork", "--listen", "http://*?fd=3"};
    if (preset == "nginx" && !target.starts_with("/etc/"))
        return {program("nginx"), "-g", "daemon off;", "-c", target};
    if (preset == "haproxy" && !target.starts_with("/etc/"))
        return {program("haproxy"), "-Ws", "-f", target};
    if (preset == "lighttpd" && !target.starts_with("/etc/"))
        return {program("lighttpd"), "-D", "-f", target};
    if (preset == "h2o" && !target.starts_with("/etc/"))
        return {program("h2o"), "-c", target};
    return {};
}

const char* placeholder(Family family) {
    switch (family) {
    case Family::wsgi:
    case Family::asgi:
        return "app:application";
    case Family::node:
        return "app.js";
    case Family::rack:
        return "config.ru";
    case Family::psgi:
        return "app.psgi";
    case Family::mojolicious:
        return "app.pl";
    case Family::configuration:
    case Family::none:
        break;
    }
    return "";
}

/// What the service's user has to be able to use; `file` is what its server reads first.
std::vector<os::Use> uses_of(const Surroundings& here, const FirstFile& first,
                             const std::string& file) {
    std::vector<os::Use> uses;
    if (!first.directory.empty())
        uses.push_back({first.directory, X_OK});
    if (!first.command.empty() && first.command.front().starts_with('/')) {
        const std::string& program = first.command.front();
        uses.push_back({program, here.is_executable(program) ? X_OK : X_OK | R_OK});
    }
    if (!file.empty())
        uses.push_back({file.starts_with('/') ? file : here.directory + "/" + file, R_OK});
    return uses;
}

/// Root only where there is nobody else: whose directory it is, else www-data, if they reach what is there.
void choose_user(const Surroundings& here, bool own_workers, const std::string& reads,
                 FirstFile& file) {
    if (!here.root) {
        file.user_why = "only for a supervisor that runs as root";
        return;
    }
    if (own_workers) {
        file.user_why = "it begins as root and gives that up itself";
        return;
    }
    const auto uses = uses_of(here, file, reads);
    for (const std::string& user : {here.owner, std::string("www-data")}) {
        if (user.empty() || !here.has_user(user))
            continue;
        const std::string obstacle = here.obstacle(user, uses);
        if (obstacle.empty()) {
            file.user = user;
            file.user_why =
                user == here.owner ? "whose directory this is" : "not root: it does not need to be";
            file.user_warning.clear();
            return;
        }
        file.user_warning = "Without a user it runs as root. " + user +
                            " cannot be that yet: " + obstacle +
                            "; or put it elsewhere, below /srv or /opt.";
    }
}

void choose_listeners(const Surroundings& here, const std::string& target, FirstFile& file) {
    if (const auto text = target.starts_with('/') ? here.read(target) : std::nullopt)
        file.listeners = listeners_in(file.preset, *text);
    if (!file.listeners.empty()) {
        file.listener_why = "Each `listen` of " + target + ", with the same address.";
        return;
    }
    const bool own_configuration = family_of(file.preset) == Family::configuration;
    std::uint16_t port = 8080;
    while (port < 8100 && !here.is_free(port))
        ++port;
    file.listeners = {{"http", "127.0.0.1:" + std::to_string(port)}};
    file.listener_why =
        "The supervisor holds this socket, so that no connection is refused in a reload. " +
        std::string(file.preset.empty()
                        ? "The program takes it as fd 3 (LISTEN_FDS, sd_listen_fds(3)). "
                        : "") +
        (own_configuration ? "The configuration of " + file.preset + " must name it, too. " : "") +
        "0.0.0.0: all of IPv4.";
}

} // namespace

std::vector<FirstFile::Listener> listeners_in(const std::string& preset, const std::string& text) {
    std::vector<FirstFile::Listener> found;
    if (preset != "nginx")
        return found;
    for (std::size_t at = 0; at < text.size() && found.size() < 16;) {
        const auto end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        at = end + 1;
        line.erase(0, line.find_first_not_of(" \t"));
        if (!line.starts_with("listen "))
            continue;
        line.erase(0, line.find_first_not_of(' ', 6));
        std::string address = line.substr(0, line.find_first_of(" ;"));
        if (address.empty() ||
            address.find_first_not_of("0123456789.:[]abcdef") != std::string::npos)
            continue;
        if (address.find(':') == std::string::npos)
            address =
                address.find('.') == std::string::npos ? "0.0.0.0:" + address : address + ":80";
        const bool there = std::any_of(found.begin(), found.end(),
                                       [&](auto& each) { return each.address == address; });
        if (!there)
            found.push_back(
                {"http" + (found.empty() ? "" : std::to_string(found.size() + 1)), address});
    }
    return found;
}

namespace {

/// The command that was given, if there is such a program.
Result<void> given_command(const Surroundings& here, const std::vector<std::string>& command,
                           FirstFile& file) {
    file.command = command;
    std::string& program = file.command.front();
    if (program.find("${release}") != std::string::npos) { // which may be made later
        file.release = "/srv/" + file.name + "/current";
        return {};
    }
    auto found = find_program(here, program);
    if (found.empty())
        return no_program(here, program);
    if (!here.is_program(found))
        return no_program_at(here, found);
    program = std::move(found);
    return {};
}

/// Fills in what is run; the name of the file that it reads first, if that is known.
Result<std::string> choose_command(const Surroundings& here, const FirstWish& wish, FirstFile& file,
                                   std::string& target) {
    if (!wish.command.empty()) {
        const auto given = given_command(here, wish.command, file);
        return given ? Result<std::string>(std::string()) : given.error();
    }
    auto found = wish.preset.empty() ? find_application(here) : find_application(here, wish.preset);
    if (!found && wish.preset.empty()) {
        const std::string almost = unfinished(here);
        return Error{
            almost.empty()
                ? "nothing that could be served was found here; write: svc init --preset PRESET "
                  "(`svc preset` lists them), or: svc init NAME -- COMMAND"
                : almost + "; or write: svc init NAME -- COMMAND"};
    }
    if (!found)
        return std::string();
    file.found = {found->found};
    file.command_why = std::move(found->notes);
    target = std::move(found->target);
    if (file.preset.empty())
        file.preset = std::move(found->preset);
    if (!found->command.empty()) {
        file.command = std::move(found->command);
        const std::string program = file.command.front();
        file.command.front() = path_of(here, program);
        if (!here.is_program(file.command.front()))
            file.command_why.push_back(program + " was not found here.");
    }
    return std::move(found->file);
}

/// Of the preset's server, with what it runs.
void complete_command(const Surroundings& here, Family family, std::string target,
                      FirstFile& file) {
    const bool own_workers = family == Family::configuration;
    if (target.empty() && !own_workers) {
        target = placeholder(family);
        file.command_why.push_back("Nothing that " + file.preset +
                                   " could run was found here: write it in place of " + target +
                                   ".");
    }
    file.command = command_of(here, file.preset, target, file.listeners.front().address);
    if (!file.command.empty() && !here.is_program(file.command.front()))
        file.command_why.push_back(last_part(file.command.front()) +
                                   " was not found, in PATH or here; this is where Debian has it.");
}

} // namespace

Result<FirstFile> suit(const Surroundings& here, const FirstWish& wish) {
    if (!wish.preset.empty() && family_of(wish.preset) == Family::none) {
        const auto unknown = wire::find_preset(wish.preset, {}); // says what is near
        return unknown ? Error{"there is no preset " + wish.preset}
                       : Error{unknown.error().message};
    }
    FirstFile file;
    file.name = wish.name.empty() ? plain(last_part(here.directory)) : wish.name;
    file.preset = wish.preset;
    file.replicas = 2;
    file.replicas_why = "of " + std::to_string(here.processors) + " processors here";
    std::string target;
    const auto reads = choose_command(here, wish, file, target);
    if (!reads)
        return reads.error();
    file.preset_notes = notes_of(file.preset);
    const Family family = family_of(file.preset);
    const bool own_workers = family == Family::configuration;
    choose_listeners(here, target, file);
    if (file.command.empty())
        complete_command(here, family, target, file);
    if (own_workers) {
        file.replicas = 1;
        file.replicas_why = "it has processes of its own";
        if (target.starts_with('/') && here.has(target))
            file.inputs = {target};
    } else {
        file.directory = here.directory;
        file.replicas = std::clamp(here.processors, 2U, 8U);
    }
    if (file.preset.empty())
        file.ready = "accepting";
    choose_user(here, own_workers, *reads, file);
    return file;
}

} // namespace svc::cli
