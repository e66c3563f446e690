// What is wrong only in a file: texts in which ${release} is replaced, and variables that svc sets
// itself. A command line was expanded by the shell that it was typed into, and its environment is
// whatever that shell had.
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace svc::wire::service_file {

namespace {

class TextChecker {
public:
    TextChecker(const rollout::Spec& spec, std::vector<Finding>& findings)
        : has_release_(!spec.process.release.empty()), findings_(findings) {}

    void check(const std::string& text, const std::string& key) {
        const auto expanded = expand(text, "");
        if (!expanded)
            findings_.push_back(Finding{key, {}, expanded.error().message});
        else if (!has_release_ && *expanded != expand(text, "/").value())
            findings_.push_back(Finding{key,
                                        {"service.release"},
                                        "${release} is used, but there is no release; write "
                                        "release = \"/srv/web/current\" in [service]"});
    }

    void check(const std::vector<std::string>& texts, const std::string& key) {
        for (const std::string& text : texts)
            check(text, key);
    }

private:
    bool has_release_;
    std::vector<Finding>& findings_;
};

/// {fd:NAME}: there is such a listener.
void check_fds(const rollout::Spec& spec, const std::string& text, const std::string& key,
               std::vector<Finding>& findings) {
    replace_fds(text, [&](std::string_view name) {
        const bool known = std::any_of(
            spec.listeners.begin(), spec.listeners.end(),
            [&](const rollout::ListenerSpec& listener) { return listener.name == name; });
        if (!known)
            findings.push_back(Finding{key,
                                       {},
                                       "{fd:" + printable(name, 60) +
                                           "} names no listener; give one the name " +
                                           quoted(name)});
        return std::string();
    });
}

void check_variable_name(const rollout::Spec& spec, const std::string& name,
                         std::vector<Finding>& findings) {
    // What svc sets itself (svc-worker(7)): a value here would never reach the worker.
    constexpr std::array<std::string_view, 8> ours{
        "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES", "LISTEN_PIDFDID",
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",   "FDSTORE"};
    std::string message;
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos)
        message = "the name of a variable is not empty and has no = in it";
    else if (name.starts_with("SVC_") || std::find(ours.begin(), ours.end(), name) != ours.end() ||
             (spec.ready.on == rollout::ReadyOn::ipc && name.starts_with("NODE_CHANNEL_")))
        message = "svc sets this variable itself; take it out";
    if (!message.empty())
        findings.push_back(Finding{"service.environment." + printable(name, 60), {}, message});
}

} // namespace

void find_wrong_texts(const rollout::Spec& spec, std::vector<Finding>& findings) {
    const rollout::ProcessSpec& process = spec.process;
    TextChecker checker(spec, findings);
    checker.check(process.command, "service.command");
    for (const std::string& word : process.command)
        check_fds(spec, word, "service.command", findings);
    checker.check(process.inputs, "service.inputs");
    checker.check(process.check, "service.check");
    checker.check(process.directory, "service.directory");
    for (const auto& [name, value] : process.environment) {
        check_variable_name(spec, name, findings);
        checker.check(value, "service.environment." + printable(name, 60));
        check_fds(spec, value, "service.environment." + printable(name, 60), findings);
    }
    checker.check(process.environment_files, "service.environment_files");
    for (const NamedCommand& named : commands_of(spec))
        checker.check(*named.command, named.key);
}

} // namespace svc::wire::service_file
