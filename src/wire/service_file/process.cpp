// [service]
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <limits>

namespace svc::wire::service_file {

namespace {

constexpr std::string_view command_example = R"(["/usr/bin/web", "--port-from-fd"])";

constexpr std::array sessions{
    Choice<rollout::Session>{"process-group", rollout::Session::process_group},
    Choice<rollout::Session>{"session", rollout::Session::session},
};
constexpr std::array protocols{
    Choice<rollout::SocketProtocol>{"listen-fds", rollout::SocketProtocol::listen_fds},
    Choice<rollout::SocketProtocol>{"server-starter", rollout::SocketProtocol::server_starter},
    Choice<rollout::SocketProtocol>{"nginx", rollout::SocketProtocol::nginx},
    Choice<rollout::SocketProtocol>{"php-fpm", rollout::SocketProtocol::php_fpm},
    Choice<rollout::SocketProtocol>{"unicorn", rollout::SocketProtocol::unicorn},
    Choice<rollout::SocketProtocol>{"puma", rollout::SocketProtocol::puma},
    Choice<rollout::SocketProtocol>{"einhorn", rollout::SocketProtocol::einhorn},
};
constexpr std::array listen_pids{
    Choice<rollout::ListenPid>{"set", rollout::ListenPid::set},
    Choice<rollout::ListenPid>{"omit", rollout::ListenPid::omit},
};
constexpr std::array error_outputs{
    Choice<rollout::ErrorOutput>{"capture", rollout::ErrorOutput::capture},
    Choice<rollout::ErrorOutput>{"inherit", rollout::ErrorOutput::inherit},
};
constexpr std::array keep_executables{
    Choice<rollout::KeepExecutable>{"open", rollout::KeepExecutable::open},
    Choice<rollout::KeepExecutable>{"copy", rollout::KeepExecutable::copy},
};

void read_protocols(Table& service, std::vector<rollout::SocketProtocol>& into) {
    std::vector<std::string> words;
    if (!service.read_strings("protocol", words, R"(["listen-fds"])"))
        return;
    std::vector<rollout::SocketProtocol> wanted;
    for (const std::string& word : words) {
        const auto found = std::find_if(protocols.begin(), protocols.end(),
                                        [&](const auto& choice) { return choice.word == word; });
        if (found == protocols.end()) {
            std::vector<std::string> known;
            for (const auto& choice : protocols)
                known.emplace_back(choice.word);
            service.refuse("protocol", quoted(word) + " is not a protocol for sockets; there are " +
                                           join(known, ", "));
            return;
        }
        if (std::find(wanted.begin(), wanted.end(), found->value) == wanted.end())
            wanted.push_back(found->value);
    }
    into = std::move(wanted);
}

/// The word {command} stands for all the words of the command.
void insert_command(const std::vector<std::string>& command, std::vector<std::string>& check) {
    const auto word = std::find(check.begin(), check.end(), "{command}");
    if (word != check.end())
        check.insert(check.erase(word), command.begin(), command.end());
}

void read_environment(Table& service, std::map<std::string, std::string>& environment) {
    auto table = service.read_table("environment", R"({ LOG_LEVEL = "info" })");
    if (!table)
        return;
    for (const auto& [key, node] : table->toml()) {
        const std::string name(key.str());
        auto value = plain_string(*table, printable(name, 60), node, "\"a string\"");
        if (value)
            environment[name] = std::move(*value);
    }
}

void read_umask(Table& service, std::optional<std::uint32_t>& umask) {
    constexpr std::string_view example = "\"0027\"";
    const toml::node* node = service.find("umask");
    if (node == nullptr)
        return;
    const auto text = plain_string(service, "umask", *node, example);
    if (!text)
        return;
    const auto bits = parse_octal(*text, 0777);
    if (bits)
        umask = *bits;
    else
        service.refuse("umask", quoted(*text) + " is not an octal mask from \"0000\" to \"0777\"; "
                                                "write umask = \"0027\"");
}

/// One number of a limit: 65536, "64M" or "infinity".
std::optional<std::uint64_t> read_limit_value(Table& limits, std::string_view name,
                                              const toml::node& node) {
    constexpr std::string_view right = R"(write 65536, "64M", "infinity" or [soft, hard])";
    if (const auto* number = node.as_integer()) {
        if (number->get() >= 0)
            return static_cast<std::uint64_t>(number->get());
        limits.refuse_at(node, name, "a limit is not negative; " + std::string(right));
        return std::nullopt;
    }
    const auto* text = node.as_string();
    if (text == nullptr) {
        limits.refuse_at(node, name,
                         std::string(type_name(node)) + " stands here; " + std::string(right));
        return std::nullopt;
    }
    if (text->get() == "infinity")
        return std::numeric_limits<std::uint64_t>::max();
    const auto size = parse_size(text->get());
    if (!size) {
        limits.refuse_at(node, name,
                         quoted(text->get()) + " is not a limit; " + std::string(right));
        return std::nullopt;
    }
    return *size;
}

void read_limits(Table& service, std::map<std::string, rollout::ResourceLimit>& into) {
    // The names of prlimit(1), without locks and rss: setrlimit(2) says that Linux ignores both.
    constexpr std::array<std::string_view, 14> names{
        "as",   "core",   "cpu",   "data",   "fsize",  "memlock",    "msgqueue",
        "nice", "nofile", "nproc", "rtprio", "rttime", "sigpending", "stack"};
    auto limits = service.read_table("limits", R"({ nofile = 65536, core = "infinity" })");
    if (!limits)
        return;
    for (const std::string_view name : names) {
        const toml::node* node = limits->find(name);
        if (node == nullptr)
            continue;
        const toml::array* pair = node->as_array();
        if (pair != nullptr && pair->size() != 2) {
            limits->refuse(name, "a list of limits is [soft, hard]; this one has " +
                                     std::to_string(pair->size()) + " elements");
            continue;
        }
        const auto soft = read_limit_value(*limits, name, pair == nullptr ? *node : *pair->get(0));
        const auto hard = pair == nullptr ? soft : read_limit_value(*limits, name, *pair->get(1));
        if (soft && hard)
            into[std::string(name)] = rollout::ResourceLimit{*soft, *hard};
    }
    limits->finish();
}

} // namespace

void read_process(Table& service, rollout::ProcessSpec& spec) {
    std::string preset; // begun with before (presets.h)
    service.read_string("preset", preset, "\"nginx\"");
    if (!service.read_strings("command", spec.command, command_example) && !service.has("command"))
        service.mistakes().add(service.toml().source().begin, service.path_of("command"),
                               "what to run is missing; write command = " +
                                   std::string(command_example));
    service.read_string("release", spec.release, "\"/srv/web/current\"");
    service.read_strings("inputs", spec.inputs, R"(["/etc/web.conf"])");
    if (service.read_strings("check", spec.check, R"(["{command}", "--check-config"])"))
        insert_command(spec.command, spec.check);
    service.read_duration("check_timeout", spec.check_timeout, "\"60s\"");
    if (service.has("check_timeout") && !service.has("check"))
        service.refuse("check_timeout", "there is no check that it could end; write check = "
                                        "[\"/usr/bin/web\", \"--check-config\"] or leave it out");
    service.read_string("directory", spec.directory, "\"/srv/web\"");
    service.read_string("user", spec.user, "\"web\"");
    service.read_string("group", spec.group, "\"web\"");
    service.read_strings("supplementary_groups", spec.supplementary_groups, R"(["ssl-cert"])");
    read_environment(service, spec.environment);
    service.read_strings("environment_files", spec.environment_files, R"(["/etc/web.env"])");
    read_umask(service, spec.umask);
    read_limits(service, spec.limits);
    service.read_integer("nice", spec.nice, -20, 19);
    service.read_integer("oom_score_adj", spec.oom_score_adj, -1000, 1000);
    service.read_bool("no_new_privileges", spec.no_new_privileges);
    service.read_choice<rollout::Session>("session", spec.session, sessions);
    read_protocols(service, spec.protocols);
    service.read_choice<rollout::ListenPid>("listen_pid", spec.listen_pid, listen_pids);
    service.read_choice<rollout::ErrorOutput>("stderr", spec.error_output, error_outputs);
    service.read_choice<rollout::KeepExecutable>("keep_executable", spec.keep_executable,
                                                 keep_executables);
    read_hook(service, "pre_start", {std::chrono::seconds(60), rollout::HookFailure::fail},
              spec.pre_start);
    service.finish();
}

} // namespace svc::wire::service_file
