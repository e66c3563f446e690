// What a request for metrics asks for. Pure: Beast has parsed it, and everything in it is from outside.
#pragma once

#include "wire/metrics.h"

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>

namespace svc::daemon {

struct MetricsRequest {
    boost::beast::http::status status =
        boost::beast::http::status::ok; ///< or not_found, or method_not_allowed
    wire::MetricsFormat format = wire::MetricsFormat::prometheus;
};
MetricsRequest judge_metrics_request(const boost::beast::http::request_header<>& header);

} // namespace svc::daemon
