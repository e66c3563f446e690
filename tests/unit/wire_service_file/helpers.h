// Short ways to say what a service file should give.
#pragma once

#include "wire/service_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace svc::wire::test {

/// The smallest right file; tests append to it. It has two lines.
inline const std::string minimal = "[service]\ncommand = [\"/usr/bin/web\"]\n";

/// All mistakes, one a line, without a file's name.
inline std::string mistakes_of(std::string_view text) {
    std::string all;
    for (const Mistake& mistake : parse_service_file(text).mistakes)
        all += format_mistake("", mistake) + '\n';
    return all;
}

/// The Spec of a file without mistakes.
inline rollout::Spec spec_of(const std::string& text) {
    auto parsed = parse_service_file(text);
    for (const Mistake& mistake : parsed.mistakes)
        FAIL_CHECK(format_mistake("", mistake));
    REQUIRE(parsed.mistakes.empty());
    return std::move(parsed.spec);
}

/// "LINE:COLUMN KEY: MESSAGE" of the only mistake.
inline std::string mistake_of(const std::string& text) {
    const auto parsed = parse_service_file(text);
    INFO(mistakes_of(text));
    REQUIRE(parsed.mistakes.size() == 1);
    const Mistake& mistake = parsed.mistakes.front();
    return std::to_string(mistake.line) + ':' + std::to_string(mistake.column) + ' ' + mistake.key +
           ": " + mistake.message;
}

/// The only mistake stands at `place` ("3:9 rollout.replicas") and says `words`.
inline void check_mistake(const std::string& text, const std::string& place,
                          const std::string& words) {
    const std::string found = mistake_of(text);
    CAPTURE(found);
    CHECK(found.starts_with(place + ": "));
    CHECK(found.find(words) != std::string::npos);
}

/// The only mistake of a file stands where the file has a "^", which is taken out.
inline void check_marked(std::string text, const std::string& key, const std::string& words) {
    const std::size_t at = text.find('^');
    REQUIRE(at != std::string::npos);
    text.erase(at, 1);
    const std::size_t line_start = text.rfind('\n', at) + 1; // npos + 1 is 0
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    check_mistake(
        text, std::to_string(line) + ':' + std::to_string(at - line_start + 1) + ' ' + key, words);
}

} // namespace svc::wire::test
