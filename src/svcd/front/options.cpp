#include "svcd/front/options.h"

#include "base/text.h"
#include "svcd/front/version.h"
#include "wire/service_file.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <filesystem>

namespace svc::daemon {

namespace {

constexpr std::size_t name_limit = 64;

/// The options as CLI11 fills them in.
struct Typed {
    std::string file;
    std::string name;
    std::string runtime_dir;
    std::string state_dir;
    std::string control_group;
    std::string log_level = "info";
    std::vector<std::string> listen;
    std::uint32_t replicas = 1;
    std::string ready; ///< empty: accepting, or notify where it listens on nothing
    std::string stop_signal = "SIGTERM";
    std::string grace = "30s";
    std::string reap;
    std::string cgroup = "auto";
    std::string trial;
    bool keeper = false;
    bool inline_option = false; ///< one of the five above was given
};

EndNow usage(const std::string& what) {
    return {2, "svcd: " + what + "\nTry 'svcd --help', or svcd(8).\n"};
}

void add_options(CLI::App& app, Typed& typed) {
    app.set_version_flag("--version", "svcd " + std::string(program_version));
    app.add_option("FILE", typed.file, "The service file (svc.toml(5))");
    app.add_option("--name", typed.name, "The service's name (default: the file's stem)");
    app.add_option("--runtime-dir", typed.runtime_dir, "Control socket in DIR/NAME")
        ->type_name("DIR");
    app.add_option("--state-dir", typed.state_dir, "State in DIR/NAME")->type_name("DIR");
    app.add_option("--control-group", typed.control_group,
                   "Members of this group may change the service, too")
        ->type_name("GROUP");
    app.add_flag("--keeper", typed.keeper,
                 "First of all: a small parent starts svcd again if it dies (without systemd)");
    app.add_option("--reap", typed.reap,
                   "End what is left of a service without a supervisor, and exit")
        ->type_name("NAME");
    app.add_option("--cgroup", typed.cgroup,
                   "auto (default), off, or the directory of a cgroup that is ours to use")
        ->type_name("DIR");
    app.add_option("--try", typed.trial,
                   "For svc try: everything in DIR, which is removed at the end;\n"
                   "--listen [NAME=]ADDRESS goes before the service file's")
        ->type_name("DIR");
    app.add_option("--log-level", typed.log_level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    const std::string group = "Without a service file (svcd [OPTIONS] -- COMMAND [ARGUMENT...])";
    app.add_option("--listen", typed.listen, "Address to listen on: 8080, [::1]:80, unix:/run/x")
        ->type_name("ADDRESS")
        ->group(group)
        ->allow_extra_args(false);
    app.add_option("--replicas", typed.replicas, "Workers at a time (default 1)")->group(group);
    app.add_option("--ready", typed.ready,
                   "When a worker is ready: accepting connections (default),\n"
                   "notify: it says so, or started")
        ->check(CLI::IsMember({"accepting", "notify", "started"}))
        ->group(group);
    app.add_option("--stop-signal", typed.stop_signal, "(default SIGTERM)")->group(group);
    app.add_option("--grace", typed.grace, "How long a worker may drain (default 30s)")
        ->group(group);
}

/// Variables of the caller that a service file could name: the rest cannot be told to a worker.
std::map<std::string, std::string> inherited(const std::vector<std::string>& environment) {
    std::map<std::string, std::string> result;
    for (const auto& entry : environment) {
        const auto equals = entry.find('=');
        const std::string name = entry.substr(0, equals);
        const bool plain =
            !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
                return std::isalnum(c) != 0 || c == '_';
            });
        if (plain && equals != std::string::npos && std::isdigit(name[0]) == 0)
            result.emplace(name, entry.substr(equals + 1));
    }
    return result;
}

std::string unused_name(const std::string& wanted,
                        const std::vector<rollout::ListenerSpec>& listeners) {
    const auto is_taken = [&](const std::string& name) {
        return std::any_of(listeners.begin(), listeners.end(),
                           [&](const auto& each) { return each.name == name; });
    };
    std::string name = wanted;
    for (int number = 2; is_taken(name); ++number)
        name = wanted + "-" + std::to_string(number);
    return name;
}

Result<rollout::Spec> inline_spec(const Typed& typed, const std::vector<std::string>& command,
                                  const std::vector<std::string>& environment,
                                  const std::string& working_directory) {
    rollout::Spec spec;
    spec.process.command = command;
    spec.process.directory = working_directory;
    spec.process.environment = inherited(environment);
    for (const auto& text : typed.listen) {
        auto address = parse_address(text);
        if (!address)
            return Error{"--listen: " + address.error().message};
        rollout::ListenerSpec listener;
        listener.name = unused_name(wire::default_listener_name(*address), spec.listeners);
        listener.address = std::move(*address);
        spec.listeners.push_back(std::move(listener));
    }
    spec.rollout.replicas = typed.replicas;
    // Whoever had a command for start_server(1) has one for us.
    spec.process.protocols = {rollout::SocketProtocol::listen_fds,
                              rollout::SocketProtocol::server_starter};
    if (typed.ready == "started")
        spec.ready.on = rollout::ReadyOn::started;
    else if (typed.ready == "accepting" || (typed.ready.empty() && !spec.listeners.empty()))
        spec.ready.on = rollout::ReadyOn::accepting;
    auto signal = parse_signal(typed.stop_signal);
    if (!signal)
        return Error{"--stop-signal: " + signal.error().message};
    spec.stop.signal = *signal;
    auto grace = parse_duration(typed.grace);
    if (!grace)
        return Error{"--grace: " + grace.error().message};
    spec.stop.grace = *grace;
    spec.stop.grace_max = std::max(spec.stop.grace_max, spec.stop.grace);
    if (const auto mistakes = wire::check_spec(spec); !mistakes.empty()) {
        std::vector<std::string> all;
        for (const auto& wrong : mistakes)
            all.push_back(wire::format_mistake("command line", wrong));
        return Error{join(all, "\n")};
    }
    return spec;
}

/// "NAME=ADDRESS", or the address of the only listener.
Result<Trial> read_trial(const Typed& typed, bool has_command) {
    Trial trial;
    trial.directory = std::filesystem::absolute(typed.trial).lexically_normal().string();
    for (const auto& text : has_command ? std::vector<std::string>{} : typed.listen) {
        const auto equals = text.find('=');
        const bool named =
            equals != std::string::npos && is_plain_name(text.substr(0, equals), 255);
        auto address = parse_address(named ? std::string_view(text).substr(equals + 1) : text);
        if (!address)
            return Error{"--listen: " + address.error().message};
        trial.listen.insert_or_assign(named ? text.substr(0, equals) : "", std::move(*address));
    }
    return trial;
}

std::variant<Options, EndNow> combine(const Typed& typed, bool has_command,
                                      const std::vector<std::string>& command,
                                      const std::vector<std::string>& environment,
                                      const std::string& working_directory) {
    if (typed.keeper) // main() took the one that counts
        return usage("--keeper is the first argument or none");
    Options options;
    options.runtime_dir = typed.runtime_dir;
    options.state_dir = typed.state_dir;
    options.control_group = typed.control_group;
    options.log_level = typed.log_level;
    options.cgroup = typed.cgroup;
    if (options.cgroup != "auto" && options.cgroup != "off" && !options.cgroup.starts_with('/'))
        return usage("--cgroup is auto, off or the absolute path of a cgroup's directory, not \"" +
                     printable(options.cgroup, name_limit) + '"');
    if (!typed.trial.empty()) {
        auto trial = read_trial(typed, has_command);
        if (!trial)
            return usage(trial.error().message);
        options.runtime_dir = trial->directory;
        options.state_dir = trial->directory + "/state";
        options.cgroup = "off";
        options.trial = std::move(*trial);
    }
    namespace fs = std::filesystem;
    if (!typed.reap.empty()) {
        if (has_command || !typed.file.empty() || !typed.name.empty() || typed.inline_option)
            return usage(
                "--reap NAME goes with --runtime-dir and --cgroup alone: it starts nothing");
        options.reap = true;
        options.name = typed.reap;
    } else if (has_command) {
        if (!typed.file.empty())
            return usage("a service file and a command after '--' exclude each other");
        if (command.empty() || command.front().empty())
            return usage("no command after '--'");
        auto spec = inline_spec(typed, command, environment, working_directory);
        if (!spec)
            return usage(spec.error().message);
        options.inline_spec = std::move(*spec);
        options.name = fs::path(command.front()).stem().string();
    } else {
        if (typed.file.empty())
            return usage("no service file; give FILE.toml, or --listen ADDRESS -- COMMAND");
        if (typed.inline_option && typed.trial.empty())
            return usage("--listen, --replicas, --ready, --stop-signal and --grace are for a "
                         "command after '--'; the service file says these things itself");
        options.service_file =
            (fs::path(working_directory) / typed.file).lexically_normal().string();
        options.name = fs::path(typed.file).stem().string();
    }
    if (!typed.name.empty())
        options.name = typed.name;
    if (!is_plain_name(options.name, name_limit))
        return usage("\"" + printable(options.name, name_limit) +
                     "\" is no name for a service; give --name with letters, digits, '_', '.' "
                     "and '-', at most " +
                     std::to_string(name_limit));
    return options;
}

} // namespace

std::variant<Options, EndNow> parse_options(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment,
                                            const std::string& working_directory) {
    // Cut at "--" here: a parser that takes the rest as positionals would look for options in it.
    const auto cut = std::find(arguments.begin(), arguments.end(), "--");
    const bool has_command = cut != arguments.end();
    const std::vector<std::string> command(has_command ? cut + 1 : cut, arguments.end());
    std::vector<std::string> own(arguments.begin(), cut);
    std::reverse(own.begin(), own.end()); // CLI11 takes a vector from its end

    CLI::App app("Keeps one service running and replaces it by its next version without losing a "
                 "connection.",
                 "svcd");
    Typed typed;
    add_options(app, typed);
    try {
        app.parse(std::move(own));
    } catch (const CLI::CallForHelp&) {
        return EndNow{0, app.help()};
    } catch (const CLI::CallForVersion& version) {
        return EndNow{0, std::string(version.what()) + "\n"};
    } catch (const CLI::ParseError& wrong) {
        return usage(wrong.what());
    }
    for (const char* name : {"--listen", "--replicas", "--ready", "--stop-signal", "--grace"})
        typed.inline_option = typed.inline_option || app.count(name) > 0;
    return combine(typed, has_command, command, environment, working_directory);
}

} // namespace svc::daemon
