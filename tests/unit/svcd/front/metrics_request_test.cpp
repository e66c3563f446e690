#include "svcd/front/metrics_request.h"

#include <doctest/doctest.h>

using namespace svc::daemon;
using svc::wire::MetricsFormat;

namespace {

MetricsRequest get(const std::string& fields) {
    return parse_metrics_request("GET /metrics HTTP/1.1\r\n" + fields + "\r\n");
}

} // namespace

TEST_CASE("a GET or a HEAD of /metrics is answered, whatever its query") {
    CHECK(get("Host: x\r\n").status == 200);
    CHECK_FALSE(get("Host: x\r\n").head);
    CHECK(parse_metrics_request("GET /metrics?name[]=x HTTP/1.0\r\n\r\n").status == 200);
    const auto head = parse_metrics_request("HEAD /metrics HTTP/1.1\n\n");
    CHECK(head.status == 200);
    CHECK(head.head);
}

TEST_CASE("another path is not there, another method not allowed, and what is no HTTP is refused") {
    CHECK(parse_metrics_request("GET / HTTP/1.1\r\n\r\n").status == 404);
    CHECK(parse_metrics_request("GET /metrics/ HTTP/1.1\r\n\r\n").status == 404);
    CHECK(parse_metrics_request("POST /metrics HTTP/1.1\r\n\r\n").status == 405);
    for (const std::string text :
         {"\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET metrics HTTP/1.1\r\n\r\n",
          "GET /metrics HTTP/2\r\n\r\n", "\x16\x03\x01\x02", " /metrics HTTP/1.1\r\n\r\n"})
        CHECK_MESSAGE(parse_metrics_request(text).status == 400, text);
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

TEST_CASE("the head of an answer says what is in it, and that the connection ends") {
    CHECK(metrics_response_head(200, 12, "text/plain") == "HTTP/1.1 200 OK\r\n"
                                                          "Content-Type: text/plain\r\n"
                                                          "Content-Length: 12\r\n"
                                                          "Connection: close\r\n\r\n");
    CHECK(metrics_response_head(405, 0, "text/plain").find("\r\nAllow: GET, HEAD\r\n") !=
          std::string::npos);
    CHECK(metrics_response_head(431, 0, "text/plain").starts_with("HTTP/1.1 431 "));
}
