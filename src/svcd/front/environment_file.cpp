#include "svcd/front/environment_file.h"

#include <algorithm>

namespace svc::daemon {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

bool is_variable_name(std::string_view name) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9'))
        return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    });
}

/// One pass over the text; the line number goes along for the mistakes.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    ParsedEnvironment read() {
        while (!at_end()) {
            skip_blanks();
            if (at_end())
                break;
            if (peek() == '\n')
                take();
            else if (peek() == '#' || peek() == ';')
                skip_comment();
            else
                read_assignment();
        }
        return std::move(parsed_);
    }

private:
    [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
    [[nodiscard]] char peek() const { return text_[position_]; }
    char take() {
        const char c = text_[position_++];
        if (c == '\n')
            ++line_;
        return c;
    }
    void mistake(std::uint32_t line, std::string message) {
        parsed_.mistakes.push_back({line, std::move(message)});
    }
    void skip_blanks() {
        while (!at_end() && is_blank(peek()))
            take();
    }
    void skip_line() {
        while (!at_end() && take() != '\n') {
        }
    }
    /// A comment goes on after a line that ends with a backslash, as in systemd.
    void skip_comment() {
        while (!at_end()) {
            const char c = take();
            if (c == '\\' && !at_end())
                take();
            else if (c == '\n')
                return;
        }
    }

    void read_assignment() {
        const std::uint32_t line = line_;
        std::string name;
        while (!at_end() && peek() != '=' && peek() != '\n')
            name += take();
        if (at_end() || peek() == '\n') {
            mistake(line, "no '=' in this line; write NAME=value, or '#' before a comment");
            return;
        }
        take(); // the '='
        while (!name.empty() && is_blank(name.back()))
            name.pop_back();
        std::string value;
        const bool whole = read_value(value, line);
        if (!is_variable_name(name))
            mistake(line, "not a variable's name before '='; use letters, digits and '_', and no "
                          "digit first (no \"export\")");
        else if (value.find('\0') != std::string::npos)
            mistake(line, "the value of " + name + " has a NUL byte in it");
        else if (whole)
            parsed_.variables.insert_or_assign(std::move(name), std::move(value));
    }

    /// False: a quote was not closed (the mistake is noted).
    bool read_value(std::string& value, std::uint32_t line) {
        skip_blanks();
        std::size_t keep = 0; // blanks up to here came from quotes or a backslash
        while (!at_end()) {
            const char c = take();
            if (c == '\n')
                break;
            if (c == '\'' || c == '"') {
                if (!read_quoted(c, value)) {
                    mistake(line, std::string("a value that starts with ") + c +
                                      " is not closed before the end of the file");
                    return false;
                }
                keep = value.size();
            } else if (c == '\\') {
                if (!at_end() && peek() == '\n')
                    take();
                else if (!at_end())
                    value += take();
                keep = value.size();
            } else {
                value += c;
            }
        }
        while (value.size() > keep && is_blank(value.back()))
            value.pop_back();
        return true;
    }

    bool read_quoted(char quote, std::string& value) {
        while (!at_end()) {
            const char c = take();
            if (c == quote)
                return true;
            if (c != '\\' || quote == '\'' || at_end()) {
                value += c;
                continue;
            }
            // Inside "…" a backslash speaks only before these (POSIX shell, 2.2.3).
            if (peek() == '\n')
                take();
            else if (std::string_view("\"\\`$").find(peek()) != std::string_view::npos)
                value += take();
            else
                value += c;
        }
        return false;
    }

    std::string_view text_;
    std::size_t position_ = 0;
    std::uint32_t line_ = 1;
    ParsedEnvironment parsed_;
};

} // namespace

ParsedEnvironment parse_environment(std::string_view text) {
    // A byte-order mark at the start would become part of the first name.
    if (text.starts_with("\xef\xbb\xbf"))
        text.remove_prefix(3);
    return Reader(text).read();
}

} // namespace svc::daemon
