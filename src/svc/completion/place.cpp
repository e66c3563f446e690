#include "svc/completion/place.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

namespace svc::cli {
namespace {

bool looks_like_option(const std::string& word) {
    return word.starts_with('-');
}

const OptionSyntax* find_option(const Syntax& syntax, const std::string& name) {
    for (const auto& option : syntax.options)
        if (std::find(option.names.begin(), option.names.end(), name) != option.names.end())
            return &option;
    return nullptr;
}

/// Goes through the words from the program to the last one, by what each of them says about the next.
class Walk {
public:
    explicit Walk(const Syntax& syntax) { place_.syntax = &syntax; }

    void take(const std::string& word) {
        if (over_)
            return;
        if (waiting_ != nullptr)
            take_value(*std::exchange(waiting_, nullptr), word);
        else if (!only_words_ && word == "--")
            take_dashes();
        else if (!only_words_ && looks_like_option(word) && word != "-")
            take_option(word);
        else if (!place_.syntax->verbs.empty())
            take_verb(word);
        else
            positions_.push_back(word);
    }

    /// The word at the cursor: it says nothing about those that follow but where they stand.
    void stop_at(const std::string& word) {
        const auto equals = word.find('=');
        if (over_) {
            place_.is = unknown_verb_ ? Place::Is::nowhere : Place::Is::command;
        } else if (waiting_ != nullptr) {
            at_value(*std::exchange(waiting_, nullptr), {});
        } else if (!only_words_ && looks_like_option(word)) {
            const auto* const option = equals == std::string::npos
                                           ? nullptr
                                           : find_option(*place_.syntax, word.substr(0, equals));
            if (option != nullptr && option->value)
                at_value(*option, word.substr(0, equals + 1));
            else
                place_.is = equals == std::string::npos ? Place::Is::option : Place::Is::nowhere;
        } else if (!place_.syntax->verbs.empty()) {
            place_.is = Place::Is::verb;
            over_ = true; // of the rest nobody can tell what it is
        } else {
            place_.is = Place::Is::word;
            at_ = positions_.size();
            positions_.emplace_back();
        }
    }

    Place end() {
        std::size_t position = 0;
        for (const WordSyntax& syntax : place_.syntax->words)
            for (unsigned i = 0; i < syntax.most && position < positions_.size(); ++i, ++position)
                take_word(syntax.means, position);
        if (place_.is == Place::Is::word && *at_ >= position)
            place_.is = Place::Is::past;
        return std::move(place_);
    }

private:
    void take_dashes() {
        only_words_ = true;
        over_ = place_.syntax->takes_command;
    }

    void take_option(const std::string& word) {
        const auto equals = word.find('=');
        const bool is_short = !word.starts_with("--");
        const auto* const option =
            find_option(*place_.syntax, is_short ? word.substr(0, 2) : word.substr(0, equals));
        if (option == nullptr)
            return;
        if (!option->value) {
            place_.given.insert(option->names.front());
            return;
        }
        if (is_short && word.size() > 2)
            take_value(*option, word.substr(2));
        else if (!is_short && equals != std::string::npos)
            take_value(*option, word.substr(equals + 1));
        else
            waiting_ = option;
    }

    void take_value(const OptionSyntax& option, const std::string& value) {
        place_.given.insert(option.names.front());
        if (option.names.front() == "--runtime-dir")
            place_.runtime_dir = value;
    }

    void at_value(const OptionSyntax& option, std::string prefix) {
        place_.is = Place::Is::value;
        place_.option = &option;
        place_.means = *option.value;
        place_.prefix = std::move(prefix);
    }

    void take_verb(const std::string& word) {
        const auto& verbs = place_.syntax->verbs;
        const auto verb = std::find_if(verbs.begin(), verbs.end(),
                                       [&](const Syntax& each) { return each.name == word; });
        if (verb == verbs.end())
            over_ = unknown_verb_ = true;
        else
            place_.syntax = &*verb;
    }

    void take_word(Means means, std::size_t position) {
        if (at_ == position) {
            place_.means = means;
            return;
        }
        const auto& word = positions_[position];
        place_.words.push_back(word);
        const bool names_it =
            means == Means::service || (means == Means::revision_or_service && !is_number(word));
        if (names_it && place_.service.empty())
            place_.service = word;
    }

    Place place_;
    const OptionSyntax* waiting_ = nullptr; ///< for its value, the next word
    bool only_words_ = false;               ///< after "--"
    bool over_ = false;                     ///< what follows is a command's, or nobody's
    bool unknown_verb_ = false;
    std::vector<std::string>
        positions_;                 ///< words that are no options, the one at the cursor among them
    std::optional<std::size_t> at_; ///< the one at the cursor
};

} // namespace

Place find_place(const TypedLine& line, const Syntax& syntax) {
    Walk walk(syntax);
    for (std::size_t i = 1; i < line.before.size(); ++i)
        walk.take(line.before[i]);
    walk.stop_at(line.current);
    for (const auto& word : line.after)
        walk.take(word);
    return walk.end();
}

} // namespace svc::cli
