#include "svc/completion/typed_line.h"

#include <algorithm>
#include <cctype>

namespace svc::cli {
namespace {

/// Words out of characters: the quoting that the three shells have in common.
///
///   between ── a character ──▶ in a word ── a blank ──▶ between
///                 │  ▲
///           a quote  the same quote: the word goes on
class Splitter {
public:
    explicit Splitter(Shell shell) : shell_(shell) {}

    /// False: an operator ended the command, and was not taken.
    bool take(std::string_view text, bool over_ends) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            if (quote_ != 0 || escaped_) {
                take_quoted(c, i + 1 < text.size() ? text[i + 1] : '\0');
            } else if (ends_command(c, text, i)) {
                if (!over_ends)
                    return false;
                *this = Splitter(shell_);
            } else {
                take_plain(c);
            }
        }
        return true;
    }

    /// The word that is not finished, and what was before it.
    [[nodiscard]] const std::string& unfinished() const { return word_; }
    [[nodiscard]] bool redirects() const { return redirects_; }
    [[nodiscard]] std::vector<std::string> finished() const { return words_; }
    void forget() {
        words_.clear();
        word_.clear();
    }
    void finish() {
        if (in_word_ && !redirects_)
            words_.push_back(word_);
        if (in_word_)
            redirects_ = false;
        in_word_ = false;
        word_.clear();
    }
    /// What is typed goes on with the word at the cursor, even if that is empty.
    void open() { in_word_ = true; }

private:
    void take_quoted(char c, char next) {
        if (escaped_) {
            escaped_ = false;
            if (quote_ == '"' && std::string_view("\"\\$`").find(c) == std::string_view::npos)
                word_ += '\\';
            word_ += c;
        } else if (c == quote_) {
            quote_ = 0;
        } else if (c == '\\' &&
                   (quote_ == '"' || (shell_ == Shell::fish && (next == '\'' || next == '\\')))) {
            escaped_ = true;
        } else {
            word_ += c;
        }
    }

    void take_plain(char c) {
        if (c == ' ' || c == '\t') {
            finish();
            return;
        }
        if (c == '<' || c == '>') {
            // The number of a descriptor belongs to the operator.
            if (std::all_of(word_.begin(), word_.end(),
                            [](unsigned char each) { return std::isdigit(each) != 0; }))
                in_word_ = false;
            finish();
            redirects_ = true;
            return;
        }
        in_word_ = true;
        if (c == '\\')
            escaped_ = true;
        else if (c == '\'' || c == '"')
            quote_ = c;
        else
            word_ += c;
    }

    /// "&" of ">&2" and "&>" ends nothing.
    [[nodiscard]] bool ends_command(char c, std::string_view text, std::size_t at) const {
        if (c == '&')
            return !(redirects_ && !in_word_) && !(at + 1 < text.size() && text[at + 1] == '>');
        return c == ';' || c == '|' || c == '\n' || c == '(' || c == ')';
    }

    Shell shell_;
    std::vector<std::string> words_;
    std::string word_;
    bool in_word_ = false;
    bool escaped_ = false;
    char quote_ = 0; ///< that is open; 0: none
    bool redirects_ = false;
};

/// "PATH=/opt/bin" before a command.
bool is_assignment(const std::string& word) {
    const auto equals = word.find('=');
    return equals != std::string::npos && equals > 0 &&
           std::isdigit(static_cast<unsigned char>(word[0])) == 0 &&
           std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

} // namespace

std::optional<Shell> shell_called(std::string_view name) {
    if (name == "bash")
        return Shell::bash;
    if (name == "zsh")
        return Shell::zsh;
    if (name == "fish")
        return Shell::fish;
    return std::nullopt;
}

TypedLine read_line(std::string_view left, std::string_view right, Shell shell) {
    Splitter splitter(shell);
    splitter.take(left, true);
    TypedLine line;
    line.before = splitter.finished();
    while (!line.before.empty() && is_assignment(line.before.front()))
        line.before.erase(line.before.begin());
    line.current = splitter.unfinished();
    line.redirects = splitter.redirects();
    // What is left of the word at the cursor is the first of those that follow.
    splitter.forget();
    splitter.open();
    splitter.take(right, false);
    const bool redirected = line.redirects;
    splitter.finish();
    line.after = splitter.finished();
    if (!redirected && !line.after.empty())
        line.after.erase(line.after.begin());
    return line;
}

} // namespace svc::cli
