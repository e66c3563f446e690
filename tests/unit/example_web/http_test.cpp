#include "http.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using web::format_response;
using web::longest_request;
using web::parse_request;
using web::Parsed;
using Outcome = web::Parsed::Outcome;

TEST_CASE("a request is incomplete until its empty line") {
    const std::string_view whole = "GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK(parse_request(whole.substr(0, length)).outcome == Outcome::incomplete);
    const Parsed parsed = parse_request(whole);
    CHECK(parsed.outcome == Outcome::complete);
    CHECK(parsed.length == whole.size());
    CHECK(parsed.request.method == "GET");
    CHECK(parsed.request.target == "/");
}

TEST_CASE("a pipelined request stays for the next turn") {
    const std::string one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    CHECK(parse_request(one + "GET /next HTTP/1.1\r\n").length == one.size());
}

TEST_CASE("HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 the other way round") {
    const auto keeps = [](std::string_view text) { return parse_request(text).request.keep_alive; };
    CHECK(keeps("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_FALSE(keeps("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, Close\r\n\r\n"));
    CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    CHECK(keeps("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n"));
}

TEST_CASE("empty lines before a request are skipped") {
    CHECK(parse_request("\r\n\r\nGET / HTTP/1.0\r\n\r\n").outcome == Outcome::complete);
}

TEST_CASE("what cannot be served is refused with its status") {
    const auto status = [](std::string_view text) {
        const Parsed parsed = parse_request(text);
        return parsed.outcome == Outcome::refused ? parsed.status : 0;
    };
    CHECK(status("nonsense\r\n\r\n") == 400);
    CHECK(status("GET / nonsense\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n\r\n") == 400); // no Host
    CHECK(status("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/3\r\n\r\n") == 505);
    CHECK(status("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n") == 413);
    CHECK(status("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") == 413);
    CHECK(status("GET / HTTP/1.1\r\nX: " + std::string(longest_request, 'x')) == 431);
}

TEST_CASE("an answer says whether the connection stays, and a HEAD's has no body") {
    const std::string stays = format_response(200, "hello", true);
    CHECK(stays.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(stays.find("\r\nConnection: keep-alive\r\n") != std::string::npos);
    CHECK(stays.find("\r\nContent-Length: 5\r\n") != std::string::npos);
    CHECK(stays.ends_with("\r\n\r\nhello"));
    const std::string head = format_response(404, "hello", false, true);
    CHECK(head.find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(head.find("\r\nContent-Length: 5\r\n") != std::string::npos);
    CHECK(head.ends_with("\r\n\r\n"));
}
