#include "http.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace web {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The next line without its CRLF (a bare LF is accepted: RFC 9112, 2.2), taken off `rest`.
std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

/// "close, upgrade" contains "close".
bool list_contains(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::string_view item = list.substr(0, list.find(','));
        if (same_word(trim(item), word))
            return true;
        list.remove_prefix(std::min(list.size(), item.size() + 1));
    }
    return false;
}

/// Length up to and including the empty line that ends the header; 0: not there yet.
std::size_t header_length(std::string_view bytes) {
    std::size_t at = 0;
    while ((at = bytes.find('\n', at)) != std::string_view::npos) {
        ++at;
        if (bytes.substr(at).starts_with("\r\n"))
            return at + 2;
        if (bytes.substr(at).starts_with("\n"))
            return at + 1;
    }
    return 0;
}

Parsed refuse(int status) {
    return Parsed{.outcome = Parsed::Outcome::refused, .status = status};
}

std::string_view reason(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

} // namespace

Parsed parse_request(std::string_view bytes) {
    // An empty line before a request is ignored (RFC 9112, 2.2).
    std::size_t skipped = 0;
    while (bytes.substr(skipped).starts_with("\r\n"))
        skipped += 2;
    const std::size_t length = header_length(bytes.substr(skipped));
    if (length == 0)
        return bytes.size() >= longest_request ? refuse(431) : Parsed{};

    std::string_view rest = bytes.substr(skipped, length);
    const std::string_view line = take_line(rest);
    const auto first = line.find(' ');
    const auto second = line.find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
        return refuse(400);
    const std::string_view version = line.substr(second + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return refuse(version.starts_with("HTTP/") ? 505 : 400);

    Parsed parsed{.outcome = Parsed::Outcome::complete, .length = skipped + length};
    parsed.request.method = line.substr(0, first);
    parsed.request.target = line.substr(first + 1, second - first - 1);
    parsed.request.keep_alive = version == "HTTP/1.1";
    bool has_host = version == "HTTP/1.0";
    for (std::string_view field = take_line(rest); !field.empty(); field = take_line(rest)) {
        const auto colon = field.find(':');
        if (colon == std::string_view::npos || colon == 0)
            return refuse(400);
        const std::string_view name = field.substr(0, colon);
        const std::string_view value = trim(field.substr(colon + 1));
        if (same_word(name, "Host"))
            has_host = true;
        if (same_word(name, "Transfer-Encoding") ||
            (same_word(name, "Content-Length") && value != "0"))
            return refuse(413);
        if (same_word(name, "Connection") && list_contains(value, "close"))
            parsed.request.keep_alive = false;
        if (same_word(name, "Connection") && list_contains(value, "keep-alive"))
            parsed.request.keep_alive = true;
    }
    return has_host ? parsed : refuse(400);
}

std::string format_response(int status, std::string_view body, bool keep_alive, bool head) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + ' ';
    text += reason(status);
    text += "\r\nDate: " + http_date();
    text += "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size());
    text += keep_alive ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
    if (!head)
        text += body;
    return text;
}

} // namespace web
