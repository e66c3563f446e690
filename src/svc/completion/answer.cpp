#include "svc/completion/answer.h"

#include "svc/screen/terminal.h"

#include <algorithm>

namespace svc::cli {
namespace {

std::string_view word_for(ByShell by_shell) {
    switch (by_shell) {
    case ByShell::nothing:
        return "words";
    case ByShell::files:
        return "files";
    case ByShell::service_files:
        return "service-files";
    case ByShell::directories:
        return "directories";
    case ByShell::command:
        return "command";
    }
    fatal("word_for(): no such ByShell");
}

/// What others wrote may have any character in it, and a line is a candidate.
std::string clean(const std::string& text) {
    std::string line = safe(text);
    std::replace(line.begin(), line.end(), '\t', ' ');
    return line;
}

/// Bash shows what it puts in, and where it shows several it puts in what they begin with alike. A description behind
/// a candidate is never a part of that: candidates differ before it, or one of them ends there.
std::string for_bash(std::vector<Candidate> list, const TypedLine& line, const Asker& asker,
                     bool describe) {
    std::erase_if(list,
                  [&](const Candidate& each) { return !each.word.starts_with(line.current); });
    std::size_t widest = 0;
    for (Candidate& each : list) {
        each.word = asker.replaced + each.word.substr(line.current.size());
        widest = std::max(widest, each.word.size());
    }
    // More than a screenful would go through bash's pager.
    describe = describe && list.size() > 1 && list.size() + 2 < asker.lines;
    std::string text;
    for (const Candidate& each : list) {
        if (describe && !each.description.empty()) {
            const auto row = padded(each.word, widest) + "  " + clean(each.description);
            // Wider than half of the screen: one in a row.
            text += padded(fit(row, asker.columns - 1), asker.columns / 2);
        } else {
            text += each.word;
        }
        text += '\n';
    }
    return text;
}

} // namespace

std::string write_answer(const Candidates& candidates, const TypedLine& line, const Asker& asker) {
    std::string text(word_for(candidates.by_shell));
    text += ' ' + candidates.title + '\n';
    if (asker.shell == Shell::bash) {
        constexpr std::size_t narrow = 20;
        const bool describe =
            asker.lists && asker.columns > narrow && candidates.by_shell == ByShell::nothing;
        return text + for_bash(candidates.list, line, asker, describe);
    }
    for (const Candidate& each : candidates.list)
        text += each.word + '\t' + clean(each.description) + '\n';
    return text;
}

} // namespace svc::cli
