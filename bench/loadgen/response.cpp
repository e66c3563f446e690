#include "loadgen/response.h"

#include <algorithm>
#include <charconv>

namespace svc::loadgen {

namespace {

constexpr std::size_t longest_header = 64 * 1024;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool parse_whole(std::string_view digits, std::uint64_t& value, int base) {
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
    return error == std::errc{} && stop == end;
}

} // namespace

void ResponseParser::fail(std::string complaint) {
    state_ = State::bad;
    complaint_ = std::move(complaint);
}

void ResponseParser::feed(std::string_view bytes) {
    started_ = started_ || !bytes.empty();
    while (!bytes.empty()) {
        switch (state_) {
        case State::header:
        case State::chunk_size:
        case State::chunk_end:
        case State::trailer:
            feed_line(bytes);
            break;
        case State::body:
        case State::chunk_data:
            feed_counted(bytes);
            break;
        case State::complete:
            return fail("bytes after the end of the response");
        case State::bad:
            return;
        }
    }
}

void ResponseParser::end_of_stream() {
    if (state_ == State::body && until_end_)
        state_ = State::complete;
}

void ResponseParser::feed_line(std::string_view& bytes) {
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    header_size_ += piece.size() + 1;
    if (header_size_ > longest_header)
        return fail("a header or chunk line without an end");
    line_ += piece;
    bytes.remove_prefix(std::min(bytes.size(), piece.size() + 1));
    if (end == std::string_view::npos)
        return;
    if (line_.ends_with('\r'))
        line_.pop_back();
    on_line();
    line_.clear();
}

void ResponseParser::feed_counted(std::string_view& bytes) {
    if (until_end_)
        return bytes.remove_prefix(bytes.size());
    const auto taken = std::min<std::uint64_t>(left_, bytes.size());
    left_ -= taken;
    bytes.remove_prefix(taken);
    if (left_ == 0)
        state_ = state_ == State::body ? State::complete : State::chunk_end;
}

void ResponseParser::on_line() {
    if (state_ == State::header) {
        if (!has_status_)
            read_status_line();
        else if (line_.empty())
            on_header_end();
        else
            read_field();
    } else if (state_ == State::chunk_size) {
        read_chunk_size();
    } else if (state_ == State::chunk_end) {
        if (!line_.empty())
            return fail("a chunk is longer than it said");
        state_ = State::chunk_size;
    } else if (state_ == State::trailer && line_.empty()) {
        state_ = State::complete;
    }
}

void ResponseParser::read_status_line() {
    // "HTTP/1.1 200 OK"; the reason may be missing, with or without the space before it.
    const std::string_view line = line_;
    std::uint64_t status = 0;
    const bool known = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    if (!known || line.size() < 12 || (line.size() > 12 && line[12] != ' ') ||
        !parse_whole(line.substr(9, 3), status, 10) || status < 100)
        return fail("not an HTTP/1.1 status line");
    has_status_ = true;
    status_ = static_cast<int>(status);
    keep_alive_ = line.starts_with("HTTP/1.1");
}

void ResponseParser::read_field() {
    const auto colon = line_.find(':');
    if (colon == std::string::npos || colon == 0)
        return fail("a header line without a name");
    const std::string name = lowered(std::string_view(line_).substr(0, colon));
    const std::string value = lowered(trim(std::string_view(line_).substr(colon + 1)));
    if (name == "content-length") {
        std::uint64_t length = 0;
        if (!parse_whole(value, length, 10) || (has_length_ && length != left_))
            return fail("a Content-Length that is no length");
        left_ = length;
        has_length_ = true;
    } else if (name == "transfer-encoding") {
        chunked_ = value.ends_with("chunked");
    } else if (name == "connection") {
        if (value.find("close") != std::string::npos)
            keep_alive_ = false;
        else if (value.find("keep-alive") != std::string::npos)
            keep_alive_ = true;
    }
}

void ResponseParser::on_header_end() {
    header_size_ = 0;
    if (status_ < 200) { // 1xx: the real one follows
        *this = ResponseParser{};
        started_ = true;
    } else if (status_ == 204 || status_ == 304 || (has_length_ && !chunked_ && left_ == 0)) {
        state_ = State::complete;
    } else if (chunked_) { // wins over Content-Length (RFC 9112, 6.3)
        state_ = State::chunk_size;
    } else {
        state_ = State::body;
        until_end_ = !has_length_;
        keep_alive_ = keep_alive_ && has_length_;
    }
}

void ResponseParser::read_chunk_size() {
    const std::string_view line = line_;
    header_size_ = 0;
    if (!parse_whole(trim(line.substr(0, line.find(';'))), left_, 16))
        return fail("a chunk without a size");
    state_ = left_ == 0 ? State::trailer : State::chunk_data;
}

} // namespace svc::loadgen
