#include "svc/draw/trial.h"

#include "base/address.h"
#include "base/text.h"
#include "svc/draw/progress.h"
#include "svc/draw/render.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace svc::cli {
namespace {

constexpr std::size_t longest_line = 16384; ///< what is longer is told in parts
constexpr std::string_view supervisor_name = "svcd";
constexpr std::string_view separator = " | ";
constexpr int priority_error = 3; // syslog(3)
constexpr int priority_warning = 4;

/// "r7-0 | ": the end of the name; npos: it is no worker's line.
std::size_t name_end(std::string_view line) {
    const auto end = line.find(separator);
    if (end == std::string_view::npos || line[0] != 'r')
        return std::string_view::npos;
    const auto dash = line.find('-');
    const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
    if (dash == std::string_view::npos || dash < 2 || dash + 1 >= end ||
        !std::all_of(line.begin() + 1, line.begin() + static_cast<std::ptrdiff_t>(dash),
                     is_digit) ||
        !std::all_of(line.begin() + static_cast<std::ptrdiff_t>(dash) + 1,
                     line.begin() + static_cast<std::ptrdiff_t>(end), is_digit))
        return std::string_view::npos;
    return end;
}

std::uint32_t replica_of(std::string_view name) {
    std::uint32_t replica = 0;
    const auto dash = name.find('-');
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), replica);
    return replica;
}

std::string colored_name(std::string_view name, std::size_t width, bool color) {
    constexpr std::array<std::string_view, 6> colors = {"36", "35", "34", "32", "33", "31"};
    const std::string text = padded(name, width) + std::string(separator);
    if (!color)
        return text;
    return "\x1b[" + std::string(colors[replica_of(name) % colors.size()]) + "m" + text + "\x1b[0m";
}

/// "\x1b[1;31m", at the beginning of `text`: its length, 0: another one, or none.
std::size_t length_of_color(std::string_view text) {
    if (!text.starts_with("\x1b["))
        return 0;
    const auto end = text.find_first_not_of("0123456789;", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

/// What a worker wrote: its colours are its own affair, and stay where there are any; no other escape gets through.
std::string worker_text(std::string_view text, bool color) {
    std::string result;
    bool colored = false;
    while (!text.empty()) {
        if (const auto length = length_of_color(text)) {
            if (color)
                result += text.substr(0, length);
            colored = color;
            text.remove_prefix(length);
            continue;
        }
        const auto end = std::min(text.find('\x1b', 1), text.size());
        result += safe(text.substr(0, end));
        text.remove_prefix(end);
    }
    return colored ? result + "\x1b[0m" : result;
}

Tint tint_of(int priority) {
    return priority <= priority_error     ? Tint::bad
           : priority == priority_warning ? Tint::busy
                                          : Tint::faint;
}

} // namespace

TrialLines::Speaker TrialLines::take_speaker(std::string_view& line) {
    Speaker speaker;
    if (const auto end = name_end(line); end != std::string_view::npos) {
        speaker.name = line.substr(0, end);
        line.remove_prefix(end + separator.size());
    } else if (line.size() > 2 && line[0] == '<' && line[2] == '>' &&
               std::isdigit(static_cast<unsigned char>(line[1])) != 0) {
        speaker.priority = line[1] - '0';
        line.remove_prefix(3);
    }
    return speaker;
}

std::string TrialLines::line(std::string_view text, const Terminal& terminal) {
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    const Speaker speaker = goes_on_ ? *goes_on_ : take_speaker(text);
    goes_on_ = speaker;
    if (!speaker.name.empty()) {
        name_width_ = std::max(name_width_, speaker.name.size());
        return colored_name(speaker.name, name_width_, terminal.color) +
               worker_text(text, terminal.color) + '\n';
    }
    const std::string said = safe(text);
    if (speaker.priority <= priority_error)
        last_error_ = said;
    return tinted(padded(supervisor_name, name_width_) + std::string(separator) + said,
                  tint_of(speaker.priority), terminal.color) +
           '\n';
}

/// What is there of a long line, but for what may go on as one character or one escape.
std::string TrialLines::part(const Terminal& terminal) {
    constexpr std::size_t longest_piece = 16;
    std::size_t end = unfinished_.size();
    const auto escape = unfinished_.rfind('\x1b');
    if (escape != std::string::npos && escape + longest_piece > end)
        end = escape;
    while (end > 1 && (static_cast<unsigned char>(unfinished_[end - 1]) & 0xC0u) == 0x80u)
        --end;
    if (end > 1 && static_cast<unsigned char>(unfinished_[end - 1]) >= 0xC0u)
        --end;
    const std::string begun = std::exchange(unfinished_, unfinished_.substr(end)).substr(0, end);
    return line(begun, terminal);
}

std::string TrialLines::take(std::string_view bytes, const Terminal& terminal) {
    unfinished_ += bytes;
    std::string text;
    std::size_t begin = 0;
    for (auto end = unfinished_.find('\n'); end != std::string::npos;
         end = unfinished_.find('\n', begin)) {
        text += line(std::string_view(unfinished_).substr(begin, end - begin), terminal);
        goes_on_.reset();
        begin = end + 1;
    }
    unfinished_.erase(0, begin);
    return unfinished_.size() > longest_line ? text + part(terminal) : text;
}

std::string TrialLines::rest(const Terminal& terminal) {
    if (unfinished_.empty())
        return {};
    return line(std::exchange(unfinished_, {}), terminal);
}

std::string url_of(const std::string& text) {
    const auto address = parse_address(text);
    if (!address || address->type != SocketType::stream)
        return text;
    const auto over_tcp = [&](const std::string& host) {
        const bool tls = address->port == 443 || address->port == 8443;
        return std::string(tls ? "https" : "http") + "://" + host + ":" +
               std::to_string(address->port) + "/";
    };
    switch (address->family) {
    case AddressFamily::ipv4:
        return over_tcp(address->host == "0.0.0.0" ? "127.0.0.1" : address->host);
    case AddressFamily::ipv6:
        return over_tcp(address->host == "::" ? "[::1]" : "[" + address->host + "]");
    case AddressFamily::unix_path:
        return "curl --unix-socket " + address->host + " http://localhost/";
    case AddressFamily::unix_abstract:
        return "curl --abstract-unix-socket " + address->host + " http://localhost/";
    case AddressFamily::systemd:
        break;
    }
    return text;
}

std::string keys_line() {
    return "Enter: reload   s: status   u: undo   q or Ctrl-C: stop   (letters with Enter)\n";
}

std::string render_serving(const wire::ServiceStatus& status, const std::string& directory,
                           Duration elapsed, bool keys, const Terminal& terminal) {
    std::string text = tinted(safe(status.service) + " serves", Tint::good, terminal.color) + ": " +
                       std::to_string(status.available) +
                       (status.available == 1 ? " worker" : " workers") + " available after " +
                       render_elapsed(elapsed) + "\n";
    std::size_t width = std::string_view("control").size();
    for (const auto& listener : status.listeners)
        width = std::max(width, columns_of(safe(listener.name)));
    const auto fact = [&](const std::string& name, const std::string& value) {
        text += "  " + tinted(padded(name, width + 2), Tint::faint, terminal.color) + value + '\n';
    };
    for (const auto& listener : status.listeners)
        fact(safe(listener.name), safe(url_of(listener.address)));
    fact("control", "svc --runtime-dir " + directory + " status");
    return keys ? text + keys_line() : text;
}

std::string render_tried(const wire::Progress& last, const std::string& service, Duration elapsed) {
    const Verdict verdict = verdict_of(last, service, 0, elapsed);
    if (verdict.exit_status == 0)
        return verdict.text;
    std::string text = service + ": " + safe(last.text.empty() ? last.verdict : last.text);
    if (!last.reason.empty() && last.text.find(last.reason) == std::string::npos)
        text += ": " + safe(last.reason);
    text += '\n' + render_output(last.last_output);
    return text + (last.available > 0
                       ? "The old version serves on: mend the new one and press Enter.\n"
                       : "No worker is available: mend it and press Enter.\n");
}

} // namespace svc::cli
