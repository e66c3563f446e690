// ResponseParser: is this an HTTP/1.1 response, whole and well-formed? Pure: bytes in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace svc::loadgen {

/// Reads one response to one GET request, in pieces of any size (RFC 9112).
///
///     header ──Content-Length──▶ body ───────────────▶ complete
///        │───Transfer-Encoding──▶ chunk … ───────────────▲
///        └───neither─▶ body until the end of the stream ─┘
///
/// Anything that cannot be a response ends in `bad`, and so do bytes after its end: we never send
/// a second request before the first answer is there. Memory is bounded: header and chunk lines
/// have limits, a body is counted and not kept.
class ResponseParser {
public:
    enum class State { header, body, chunk_size, chunk_data, chunk_end, trailer, complete, bad };

    void feed(std::string_view bytes);
    /// The server has closed its side.
    void end_of_stream();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool done() const { return state_ == State::complete || state_ == State::bad; }
    [[nodiscard]] bool started() const { return started_; } ///< any byte was seen
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] bool keep_alive() const { return keep_alive_; }             ///< may be used again
    [[nodiscard]] const std::string& complaint() const { return complaint_; } ///< why it is bad

private:
    void feed_line(std::string_view& bytes);
    void feed_counted(std::string_view& bytes);
    void on_line();
    void on_header_end();
    void read_status_line();
    void read_field();
    void read_chunk_size();
    void fail(std::string complaint);

    State state_ = State::header;
    std::string line_; ///< the line being received
    std::size_t header_size_ = 0;
    std::uint64_t left_ = 0; ///< bytes of the body or the chunk
    bool started_ = false;
    bool has_status_ = false;
    bool has_length_ = false;
    bool chunked_ = false;
    bool until_end_ = false;
    bool keep_alive_ = false;
    int status_ = 0;
    std::string complaint_;
};

} // namespace svc::loadgen
