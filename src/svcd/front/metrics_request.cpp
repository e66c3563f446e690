#include "svcd/front/metrics_request.h"

#include <algorithm>
#include <string>

namespace svc::daemon {

namespace {

std::string_view take_until(std::string_view& rest, char end) {
    const std::size_t place = std::min(rest.find(end), rest.size());
    const std::string_view part = rest.substr(0, place);
    rest.remove_prefix(std::min(rest.size(), place + 1));
    return part;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return result;
}

/// One media range of Accept: it wants OpenMetrics, in the version that there is.
bool wants_openmetrics(std::string_view range) {
    if (trimmed(take_until(range, ';')) != "application/openmetrics-text")
        return false;
    while (!range.empty()) {
        std::string_view value = take_until(range, ';');
        const std::string_view name = trimmed(take_until(value, '='));
        value = trimmed(value);
        if (name == "version" && value != "1.0.0")
            return false;
        if (name == "q" && value.find_first_not_of("0.") == std::string_view::npos)
            return false;
    }
    return true;
}

std::string_view words_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Bad Request";
    }
}

} // namespace

MetricsRequest parse_metrics_request(std::string_view head) {
    MetricsRequest request;
    std::string_view line = trimmed(take_until(head, '\n'));
    const std::string_view method = take_until(line, ' ');
    std::string_view target = take_until(line, ' ');
    if (!line.starts_with("HTTP/1.") || method.empty() || !target.starts_with('/')) {
        request.status = 400;
        return request;
    }
    request.head = method == "HEAD";
    if (take_until(target, '?') != "/metrics")
        request.status = 404;
    else if (method != "GET" && method != "HEAD")
        request.status = 405;
    while (!head.empty()) {
        std::string_view field = take_until(head, '\n');
        if (lower(take_until(field, ':')) != "accept")
            continue;
        const std::string accepted = lower(field);
        std::string_view ranges = accepted;
        while (!ranges.empty())
            if (wants_openmetrics(take_until(ranges, ',')))
                request.format = wire::MetricsFormat::openmetrics;
    }
    return request;
}

std::string metrics_response_head(int status, std::size_t length, std::string_view content_type) {
    std::string head = "HTTP/1.1 " + std::to_string(status) + ' ';
    head += words_of(status);
    head += "\r\nContent-Type: ";
    head += content_type;
    head += "\r\nContent-Length: " + std::to_string(length);
    if (status == 405)
        head += "\r\nAllow: GET, HEAD";
    head += "\r\nConnection: close\r\n\r\n";
    return head;
}

} // namespace svc::daemon
