// The line "web:" of a Procfile.
#include "svc/first/finding.h"

#include "base/text.h"

#include <algorithm>

namespace svc::cli {
namespace {

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// Words between blanks, as they stand: for a line that needs a shell.
std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size();) {
        const auto stop = std::min(line.find_first_of(" \t", at), line.size());
        if (stop > at)
            words.push_back(line.substr(at, stop - at));
        at = stop + 1;
    }
    return words;
}

/// "shop.wsgi", which gunicorn takes for "shop.wsgi:application"; not "gunicorn.conf.py", "10.0.0.1".
bool is_module(const std::string& word) {
    return word.find('.') != std::string::npos && !word.ends_with(".py") &&
           word.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") ==
               std::string::npos &&
           (word.front() < '0' || word.front() > '9') && word.front() != '.';
}

/// What the server of `family` is told to run: no option, no address, no variable.
bool is_target(const std::string& word, Family family) {
    if (word.starts_with('-') || word.find('$') != std::string::npos ||
        word.find("://") != std::string::npos)
        return false;
    if (word.ends_with(".js") || word.ends_with(".ru"))
        return true;
    if (word.find(':') != std::string::npos) // and no address, which is the value of an option
        return word.find_first_not_of("0123456789", word.rfind(':') + 1) != std::string::npos;
    return family == Family::wsgi && is_module(word);
}

/// A line that a shell has to read.
std::vector<std::string> shell_command(const std::string& line, std::vector<std::string>& notes) {
    // exec: the server gets the signals, and not a shell that passes none on.
    // It takes no "(", which a shell of its own reads.
    const bool one = line.find_first_of("&|;\n") == std::string::npos && !line.starts_with('(');
    if (!one)
        notes.emplace_back(
            "A shell reads it: write exec before the last of its commands, so that this one "
            "gets the stop signal, and not the shell.");
    // It takes no assignments before a command, as a shell does.
    const bool assigns = split(line).front().find('=') != std::string::npos;
    return {"/bin/sh", "-c", one ? (assigns ? "exec env " : "exec ") + line : line};
}

std::string web_line(const Surroundings& here) {
    const std::string text = "\n" + here.read("Procfile").value_or("");
    const auto begin = text.find("\nweb:");
    if (begin == std::string::npos)
        return {};
    const auto end = text.find('\n', begin + 1);
    std::string line = text.substr(begin + 5, end == std::string::npos ? end : end - begin - 5);
    line.erase(0, line.find_first_not_of(" \t"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    return line;
}

/// The server that a line starts, what it runs, and all else, which the new command has not.
void read_server(const Surroundings& here, const std::string& line, Application& found) {
    std::vector<std::string> left;
    for (const auto& word : split(line)) {
        if (found.preset.empty() && family_of(last_part(word)) != Family::none)
            found.preset = last_part(word);
        else if (!found.preset.empty() && found.target.empty() &&
                 is_target(word, family_of(found.preset)))
            found.target = word;
        else
            left.push_back(word);
    }
    if (found.preset.empty())
        return;
    if (found.target.empty())
        if (const auto other = find_application(here, found.preset)) {
            found.target = other->target;
            found.file = other->file;
        }
    if (!left.empty())
        found.notes = {"Not in this command, but in the Procfile: " + join(left, " ") +
                       ". Where to listen is the listener's now; add what else is wanted."};
}

} // namespace

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

std::optional<Application> find_procfile(const Surroundings& here) {
    const std::string line = web_line(here);
    if (line.empty())
        return std::nullopt;
    Application found;
    found.found = "Found in Procfile: web: " + line;
    read_server(here, line, found);
    if (!found.preset.empty())
        return found;
    const auto words = words_of(line);
    if (!words || words->empty()) {
        found.command = shell_command(line, found.notes);
        return found;
    }
    if (words->front().find('=') != std::string::npos)
        found.command = {"/usr/bin/env"};
    found.command.insert(found.command.end(), words->begin(), words->end());
    return found;
}

} // namespace svc::cli
