// What a request for metrics asks for. Pure: the head of a HTTP request is text from outside.
#pragma once

#include "wire/metrics.h"

#include <string_view>

namespace svc::daemon {

struct MetricsRequest {
    int status = 200; ///< 200, 400, 404 or 405
    bool head = false;
    wire::MetricsFormat format = wire::MetricsFormat::prometheus;
};
/// `head`: the request line and the fields, up to the empty line.
MetricsRequest parse_metrics_request(std::string_view head);

/// The whole head of the answer, its empty line too.
std::string metrics_response_head(int status, std::size_t length, std::string_view content_type);

} // namespace svc::daemon
