// As much of HTTP/1.1 (RFC 9110, RFC 9112) as a GET needs. Pure: text in, text out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace web {

inline constexpr std::size_t longest_request = 16 * 1024; ///< request line and headers, bytes

struct Request {
    std::string_view method; ///< views into the bytes that were parsed
    std::string_view target;
    bool keep_alive = false; ///< the client would send another request on this connection
};

struct Parsed {
    enum class Outcome { incomplete, complete, refused };
    Outcome outcome = Outcome::incomplete;
    Request request;        ///< complete
    std::size_t length = 0; ///< complete: bytes of this request; the next one starts after them
    int status = 0;         ///< refused: what to answer before closing
};
/// Reads one request from the start of `bytes`. Requests with a body are refused (413).
Parsed parse_request(std::string_view bytes);

/// A complete answer. With `keep_alive` false it says `Connection: close`, and the caller then has
/// to close. A HEAD request gets the header only.
std::string format_response(int status, std::string_view body, bool keep_alive, bool head = false);

} // namespace web
