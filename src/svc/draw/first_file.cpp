#include "svc/draw/first_file.h"

#include "base/text.h"

#include <cstdio>

namespace svc::cli {
namespace {

constexpr std::size_t page_width = 100;
constexpr std::size_t longest_comment = 2000;

/// "# text", broken at spaces. It may have in it what others have called a file, or written into one: a line's end or
/// an escape in that must not become a key, or reach a terminal.
void add_comment(std::string& file, std::string_view raw) {
    const std::string shown = printable(raw, longest_comment);
    std::string_view text = shown;
    while (!text.empty()) {
        std::size_t length = text.size();
        if (length > page_width) {
            const auto space = text.rfind(' ', page_width);
            length = space == std::string_view::npos ? text.find(' ') : space;
            if (length == std::string_view::npos)
                length = text.size();
        }
        file += "# " + std::string(text.substr(0, length)) + '\n';
        text.remove_prefix(length);
        if (!text.empty())
            text.remove_prefix(1);
    }
}

void add_key(std::string& file, const std::string& key, const std::string& value,
             const std::string& why = {}) {
    file += key + " = " + value + (why.empty() ? "" : "  # " + why) + '\n';
}

void add_service(std::string& file, const FirstFile& first) {
    file += "\n[service]\n";
    if (!first.preset.empty()) {
        add_comment(file, "Sockets, readiness, check and stop signal as " + first.preset +
                              " wants them: `svc preset " + first.preset + "` prints them.");
        for (const auto& note : first.preset_notes)
            add_comment(file, note);
        add_key(file, "preset", toml_string(first.preset));
    }
    if (!first.release.empty())
        add_key(file, "release", toml_string(first.release),
                "a guess: the link to the release that serves, ${release} below");
    for (const auto& why : first.command_why)
        add_comment(file, why);
    if (first.command.empty())
        add_comment(file, "command is the preset's.");
    else
        add_key(file, "command", toml_list(first.command));
    if (!first.directory.empty())
        add_key(file, "directory", toml_string(first.directory), "where the command runs");
    if (!first.inputs.empty())
        add_key(file, "inputs", toml_list(first.inputs),
                "`svc apply` reloads if one of them changed");
    else
        file += "#inputs = [\"/etc/" + first.name +
                ".conf\"]  # `svc apply` reloads if one of them changed\n";
    add_comment(file, first.user_warning);
    if (!first.user.empty())
        add_key(file, "user", toml_string(first.user), first.user_why);
    else
        file += "#user = \"www-data\"  # " +
                (first.user_why.empty() ? "else the supervisor's own" : first.user_why) + '\n';
    if (!first.environment_files.empty())
        add_key(file, "environment_files", toml_list(first.environment_files),
                "NAME=value lines; \"-\": it may be missing");
    else
        file += "#environment = { LOG_LEVEL = \"info\" }\n#environment_files = [\"-/etc/default/" +
                first.name + "\"]  # NAME=value lines; \"-\": it may be missing\n";
    file += "#limits = { nofile = 65536 }\n";
}

void add_listeners(std::string& file, const FirstFile& first) {
    if (first.listeners.empty()) {
        file += "\n";
        add_comment(file,
                    "It has no socket that outlives a worker. With one, no connection is refused "
                    "during a reload:");
        file += "#[[listener]]\n#name = \"http\"\n#address = \"127.0.0.1:8080\"\n";
        return;
    }
    bool is_first = true;
    for (const auto& listener : first.listeners) {
        file += "\n[[listener]]\n";
        if (is_first && !first.listener_why.empty())
            add_comment(file, first.listener_why);
        add_key(file, "name", toml_string(listener.name));
        add_key(file, "address", toml_string(listener.address));
        if (is_first)
            file += "#backlog = 4096\n";
        is_first = false;
    }
}

} // namespace

std::string toml_string(const std::string& text) {
    std::string result = "\"";
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') {
            result += '\\';
            result += byte;
        } else if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04X", static_cast<unsigned>(byte));
            result += escaped;
        } else {
            result += byte;
        }
    }
    return result + '"';
}

std::string toml_list(const std::vector<std::string>& texts) {
    std::vector<std::string> quoted;
    quoted.reserve(texts.size());
    for (const auto& text : texts)
        quoted.push_back(toml_string(text));
    return "[" + join(quoted, ", ") + "]";
}

std::string write_first_file(const FirstFile& first) {
    std::string file;
    add_comment(file, first.name +
                          ", a service that svc replaces without losing a connection. Every "
                          "key is in svc.toml(5).");
    for (const auto& sentence : first.found)
        add_comment(file, sentence);
    add_service(file, first);
    add_listeners(file, first);
    if (!first.ready.empty()) {
        file += "\n[ready]\n";
        add_comment(file,
                    first.ready == "accepting"
                        ? "A new version is ready when it accepts connections. With \"notify\" it "
                          "says so itself: READY=1, sd_notify(3)."
                        : "A new version says when it is ready: READY=1, sd_notify(3). One that "
                          "cannot: \"started\", or a probe.");
        add_key(file, "on", toml_string(first.ready));
        file +=
            "#timeout = \"60s\"  # not ready by then: it failed, and the old version serves on\n";
    } else {
        file +=
            "\n#[ready]\n#timeout = \"60s\"  # not ready by then: it failed, and the old version "
            "serves on\n";
    }
    file += "\n[rollout]\n";
    add_key(file, "replicas", std::to_string(first.replicas), first.replicas_why);
    file += "#max_surge = \"25%\"  # so many new workers beside the old ones at a time\n"
            "#min_ready = \"5s\"  # a new worker must stay ready for so long before it counts\n";
    file +=
        "\n#[stop]\n#grace = \"60s\"  # how long an old worker may finish what it does\n"
        "#pre_stop = { sleep = \"3s\" }  # before the stop signal: a load balancer looks away\n";
    file += "\n#[limits]\n#memory_max = \"512M\"  # of a worker with all its processes\n";
    return file;
}

} // namespace svc::cli
