#include "loadgen/response.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using svc::loadgen::ResponseParser;
using State = ResponseParser::State;

namespace {

ResponseParser fed(std::string_view bytes) {
    ResponseParser parser;
    parser.feed(bytes);
    return parser;
}

/// In one piece and byte by byte: pieces must not matter.
void check_complete(std::string_view bytes, int status, bool keep_alive) {
    CAPTURE(bytes);
    ResponseParser split;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        REQUIRE(split.state() != State::complete);
        REQUIRE(split.state() != State::bad);
        split.feed(bytes.substr(i, 1));
    }
    for (const ResponseParser& parser : {fed(bytes), split}) {
        CHECK(parser.state() == State::complete);
        CHECK(parser.status() == status);
        CHECK(parser.keep_alive() == keep_alive);
    }
}

} // namespace

TEST_CASE("a response with a Content-Length ends with its last byte") {
    check_complete("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, true);
    check_complete("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, true);
    check_complete("HTTP/1.1 503\r\nContent-Length: 1\r\n\r\nx", 503, true);
}

TEST_CASE("a response without a body by its status needs no length") {
    check_complete("HTTP/1.1 204 No Content\r\n\r\n", 204, true);
}

TEST_CASE("the server says whether the connection may be used again") {
    check_complete("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, false);
    check_complete("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, false);
    check_complete("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", 200,
                   true);
}

TEST_CASE("a chunked response ends with its trailer") {
    check_complete("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
                   200, true);
}

TEST_CASE("an interim response is not the answer") {
    check_complete("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                   200, true);
}

TEST_CASE("without a length the end of the stream ends the response") {
    ResponseParser parser = fed("HTTP/1.1 200 OK\r\n\r\nsome");
    CHECK(parser.state() == State::body);
    parser.end_of_stream();
    CHECK(parser.state() == State::complete);
    CHECK_FALSE(parser.keep_alive());
}

TEST_CASE("a stream that ends early leaves the response incomplete") {
    for (const char* bytes :
         {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
        CAPTURE(bytes);
        ResponseParser parser = fed(bytes);
        parser.end_of_stream();
        CHECK_FALSE(parser.done());
        CHECK(parser.started() == (*bytes != '\0'));
    }
}

TEST_CASE("what is not a response is refused with a reason") {
    for (const char* bytes : {
             "SSH-2.0-OpenSSH\r\n",
             "HTTP/2 200 OK\r\n",
             "HTTP/1.1 20 OK\r\n",
             "HTTP/1.1 2000 OK\r\n",
             "HTTP/1.1 200 OK\r\nno colon\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: many\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
         }) {
        CAPTURE(bytes);
        const ResponseParser parser = fed(bytes);
        CHECK(parser.state() == State::bad);
        CHECK_FALSE(parser.complaint().empty());
    }
}

TEST_CASE("a header without an end is cut off, not collected") {
    ResponseParser parser = fed("HTTP/1.1 200 OK\r\nX: ");
    const std::string piece(1000, 'x');
    for (int i = 0; i < 100 && !parser.done(); ++i)
        parser.feed(piece);
    CHECK(parser.state() == State::bad);
}
