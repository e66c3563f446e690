#include "svcd/front/metrics_request.h"

#include <boost/beast/core/string.hpp>

#include <string_view>

namespace svc::daemon {

namespace {

namespace http = boost::beast::http;

std::string_view take_until(std::string_view& rest, char end) {
    const std::size_t place = std::min(rest.find(end), rest.size());
    const std::string_view part = rest.substr(0, place);
    rest.remove_prefix(std::min(rest.size(), place + 1));
    return part;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// One media range of Accept: it wants OpenMetrics, in the version that there is. (Beast has parsers for lists of
/// tokens; a media type is none.)
bool wants_openmetrics(std::string_view range) {
    using boost::beast::iequals;
    if (!iequals(trimmed(take_until(range, ';')), "application/openmetrics-text"))
        return false;
    while (!range.empty()) {
        std::string_view value = take_until(range, ';');
        const std::string_view name = trimmed(take_until(value, '='));
        value = trimmed(value);
        if (iequals(name, "version") && value != "1.0.0")
            return false;
        if (iequals(name, "q") && value.find_first_not_of("0.") == std::string_view::npos)
            return false;
    }
    return true;
}

} // namespace

MetricsRequest judge_metrics_request(const http::request_header<>& header) {
    MetricsRequest request;
    std::string_view target = header.target();
    if (take_until(target, '?') != "/metrics")
        request.status = http::status::not_found;
    else if (header.method() != http::verb::get && header.method() != http::verb::head)
        request.status = http::status::method_not_allowed;
    const auto [first, last] = header.equal_range(http::field::accept);
    for (auto field = first; field != last; ++field) {
        std::string_view ranges = field->value();
        while (!ranges.empty())
            if (wants_openmetrics(take_until(ranges, ',')))
                request.format = wire::MetricsFormat::openmetrics;
    }
    return request;
}

} // namespace svc::daemon
