// The service file (TOML) → Spec, with every mistake at once. Pure: reads text, opens nothing.
#pragma once

#include "rollout/spec.h"
#include "wire/preset.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::wire {

inline constexpr std::size_t service_file_limit = 1u << 20; ///< bytes
/// Below launch_fd_limit (launch_order.h), with room for what is not a listener.
inline constexpr std::size_t listener_limit = 16'000;
inline constexpr std::uint32_t replica_limit = 1'000;

/// One mistake: "web.toml:12:3: [rollout] max_surge: \"a lot\" is not a count or a percentage;
/// write 1 or \"25%\"".
struct Mistake {
    std::uint32_t line = 0; ///< from 1; 0: the file as a whole
    std::uint32_t column = 0;
    std::string key;     ///< "rollout.max_surge"
    std::string message; ///< what is wrong and what would be right
    bool operator==(const Mistake&) const = default;
};
std::string format_mistake(std::string_view file, const Mistake& mistake);

struct ParsedServiceFile {
    rollout::Spec spec;            ///< meaningful only if there are no mistakes
    std::vector<Mistake> mistakes; ///< in the order of the file
};
ParsedServiceFile parse_service_file(std::string_view text, const PresetPlace& presets = {});

/// Combinations that are wrong whatever they came from (file or command line): also called by
/// parse_service_file, which finds more: texts with a wrong ${name}, variables that svc sets itself.
std::vector<Mistake> check_spec(const rollout::Spec& spec);

/// The name of a listener that was given none: "tcp-8080", "tcp6-443", "udp-53", "web.sock",
/// systemd's NAME.
std::string default_listener_name(const Address& address);

/// Replaces ${release}. An unknown ${name} is an error; "$$" is a dollar. A service file may say
/// ${release} in command, check, inputs, directory, the values of environment, environment_files
/// and the commands of hooks and probes (commands_of()), and nowhere else.
Result<std::string> expand(std::string_view text, std::string_view release);

/// Replaces each {fd:NAME} by what `fd_of` says of NAME. A service file may say it in command and in the values of
/// environment: the number of that listener's fd in the worker. Other braces are only braces.
std::string replace_fds(std::string_view text,
                        const std::function<std::string(std::string_view name)>& fd_of);

/// A command that is run beside the workers' own: a hook's or a probe's.
struct NamedCommand {
    std::string key;                                   ///< "stop.pre_stop.exec"
    const std::vector<std::string>* command = nullptr; ///< in the Spec
};
std::vector<NamedCommand> commands_of(const rollout::Spec& spec);

/// What makes a listener of two service files the same socket: its address; of a port 0, which the
/// kernel chose, the name as well; of a unix path, whatever its type, the path. A worker's own one
/// (ListenerScope::worker) is never the same as a shared one.
std::string listener_identity(const rollout::ListenerSpec& listener);

/// The listeners of `next` that ask for what an open socket cannot become: one sentence each, with
/// the remedy.
std::vector<std::string> creation_conflicts(const rollout::Spec& open, const rollout::Spec& next);

/// A part of what `svc check` says of a service, in plain words: everything about one thing.
struct Paragraph {
    std::string about;              ///< a word: "listens", "runs", "reload", …
    std::vector<std::string> lines; ///< sentences; one that begins with "- " is an item of a list
};
/// What a service file means: what is opened, what is run, when a worker is ready, how the next version comes, how
/// workers stop, and what is told and kept of them. What a worker that dies and an undo are started from depends on
/// the machine, too: explain_kept() of guarantee.h.
std::vector<Paragraph> explain_spec(const rollout::Spec& spec, std::string_view name);

} // namespace svc::wire
