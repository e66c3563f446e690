#include "base/text.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <algorithm>

namespace svc::wire::json_codec {
namespace {

constexpr char hexadecimal_mark = '\x01';
constexpr std::string_view hexadecimal_digits = "0123456789abcdef";

/// Bytes of the UTF-8 sequence at the begin of `text`, which is not ASCII; 0: it is none
/// (RFC 3629, section 4: no surrogates, no overlong forms, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const auto continues = [&](std::size_t at) { return (byte(at) & 0xC0u) == 0x80u; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first >= 0xC2 && first <= 0xDF)
        return continues(1) ? 2 : 0;
    if ((first & 0xF0u) == 0xE0u) {
        const bool allowed = (first != 0xE0 || second >= 0xA0) && (first != 0xED || second < 0xA0);
        return allowed && continues(1) && continues(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool allowed = (first != 0xF0 || second >= 0x90) && (first != 0xF4 || second < 0x90);
        return allowed && continues(1) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

void write_escaped(std::string& out, char character) {
    switch (character) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\t':
        out += "\\t";
        return;
    }
    out += "\\u00";
    out += hexadecimal_digits[static_cast<unsigned char>(character) >> 4];
    out += hexadecimal_digits[static_cast<unsigned char>(character) & 15];
}

void write_hexadecimal(std::string& out, std::string_view text) {
    out += "\\u0001";
    for (const char character : text) {
        out += hexadecimal_digits[static_cast<unsigned char>(character) >> 4];
        out += hexadecimal_digits[static_cast<unsigned char>(character) & 15];
    }
}

/// The text between the quotes; false (and nothing to rely on in `out`) if it is not UTF-8.
bool write_utf8(std::string& out, std::string_view text) {
    std::size_t written = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto character = static_cast<unsigned char>(text[at]);
        if (character >= 0x80) {
            const std::size_t length = utf8_length(text.substr(at));
            if (length == 0)
                return false;
            at += length;
        } else if (character < 0x20 || character == '"' || character == '\\') {
            out.append(text, written, at - written);
            write_escaped(out, text[at]);
            written = ++at;
        } else {
            ++at;
        }
    }
    out.append(text, written, text.size() - written);
    return true;
}

} // namespace

void write_string(std::string& out, std::string_view text) {
    out += '"';
    const std::size_t begin = out.size();
    if (text.starts_with(hexadecimal_mark) || !write_utf8(out, text)) {
        out.resize(begin);
        write_hexadecimal(out, text);
    }
    out += '"';
}

bool decode_string(std::string_view text, std::string& to, Failure& failure) {
    if (!text.starts_with(hexadecimal_mark)) {
        to = text;
        return true;
    }
    text.remove_prefix(1);
    to.clear();
    to.reserve(text.size() / 2);
    for (; text.size() >= 2; text.remove_prefix(2)) {
        const auto high = hexadecimal_digits.find(text[0]);
        const auto low = hexadecimal_digits.find(text[1]);
        if (high == std::string_view::npos || low == std::string_view::npos)
            break;
        to += static_cast<char>(high << 4 | low);
    }
    return text.empty() || failure.set("is not hexadecimal after U+0001");
}

bool read_string(const json::value& from, std::string& to, Failure& failure) {
    const auto* text = from.if_string();
    return text ? decode_string(*text, to, failure) : failure.set("is not a string");
}

bool Failure::inside_member(std::string_view name) {
    std::string whole(name);
    if (!path.empty() && path.front() != '[')
        whole += '.';
    path.insert(0, whole);
    return false;
}

bool Failure::inside_element(std::string_view index) {
    std::string whole = "[" + printable(index, 64) + "]";
    if (!path.empty() && path.front() != '[')
        whole += '.';
    path.insert(0, whole);
    return false;
}

bool unknown_member(const json::object& from, const std::vector<std::string_view>& known,
                    Failure& failure) {
    for (const auto& member : from) {
        const std::string_view key = member.key();
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            failure.set("is not known");
            return failure.inside_member(printable(key, 64));
        }
    }
    return failure.set("has a member twice");
}

} // namespace svc::wire::json_codec
