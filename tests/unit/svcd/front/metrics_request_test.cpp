#include "svcd/front/metrics_request.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <doctest/doctest.h>

namespace http = boost::beast::http;
using namespace svc::daemon;
using svc::wire::MetricsFormat;

namespace {

MetricsRequest judge(const std::string& text) {
    http::request_parser<http::empty_body> parser;
    boost::system::error_code error;
    parser.put(boost::asio::buffer(text), error);
    REQUIRE_MESSAGE(!error, text);
    return judge_metrics_request(parser.get());
}
MetricsRequest get(const std::string& fields) {
    return judge("GET /metrics HTTP/1.1\r\n" + fields + "\r\n");
}

} // namespace

TEST_CASE("a GET or a HEAD of /metrics is answered, whatever its query") {
    CHECK(get("Host: x\r\n").status == http::status::ok);
    CHECK(judge("GET /metrics?name[]=x HTTP/1.0\r\n\r\n").status == http::status::ok);
    CHECK(judge("HEAD /metrics HTTP/1.1\r\n\r\n").status == http::status::ok);
}

TEST_CASE("another path is not there, another method not allowed") {
    for (const std::string target : {"/", "/metrics/", "*", "http://x/metrics", "/metrics%20"})
        CHECK_MESSAGE(
            judge("GET " + target + " HTTP/1.1\r\n\r\n").status == http::status::not_found, target);
    for (const std::string method : {"POST", "PUT", "OPTIONS", "NONSENSE"})
        CHECK_MESSAGE(judge(method + " /metrics HTTP/1.1\r\n\r\n").status ==
                          http::status::method_not_allowed,
                      method);
}

TEST_CASE("OpenMetrics is for who accepts it, in this version, and the text for everybody else") {
    const auto format = [](const std::string& accepts) {
        return get("Accept: " + accepts + "\r\n").format;
    };
    CHECK(get("").format == MetricsFormat::prometheus);
    CHECK(format("*/*") == MetricsFormat::prometheus);
    CHECK(format("text/plain") == MetricsFormat::prometheus);
    CHECK(format("application/openmetrics-text") == MetricsFormat::openmetrics);
    // As Prometheus 2.42 asks.
    CHECK(format("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version="
                 "0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1") ==
          MetricsFormat::openmetrics);
    CHECK(format("text/plain;q=0.5, Application/OpenMetrics-Text; Version=1.0.0; q=0.9") ==
          MetricsFormat::openmetrics);
    CHECK(format("application/openmetrics-text;version=0.0.1") == MetricsFormat::prometheus);
    CHECK(format("application/openmetrics-text;q=0.0") == MetricsFormat::prometheus);
    CHECK(get("aCCept:application/openmetrics-text\r\n").format == MetricsFormat::openmetrics);
    CHECK(get("X-Accept: application/openmetrics-text\r\n").format == MetricsFormat::prometheus);
}
