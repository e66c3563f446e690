#include "svc/draw/trial.h"

#include <doctest/doctest.h>

using namespace svc::cli;

namespace {

/// How many lines of `text` begin with `name`, and whether that is all of them.
std::size_t lines_of(const std::string& text, std::string_view name) {
    std::size_t lines = 0;
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
        CHECK(text.substr(begin, name.size()) == name);
        ++lines;
    }
    return lines;
}

std::string without(std::string text, std::string_view part) {
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part))
        text.erase(at, part.size());
    return text;
}

} // namespace

TEST_CASE("a line of any length is told whole, each of its parts after its worker's name") {
    for (const std::size_t piece : {100u, 4096u, 65536u}) {
        CAPTURE(piece);
        std::string said;
        while (said.size() < 50'000)
            said += "größer";
        const std::string sent = "r7-0 | " + said + "\nr7-0 | next\n";
        TrialLines lines;
        std::string text;
        for (std::size_t at = 0; at < sent.size(); at += piece)
            text += lines.take(std::string_view(sent).substr(at, piece), {});
        const auto next = text.find("r7-0 | next\n");
        REQUIRE(next != std::string::npos);
        const std::string whole = text.substr(0, next);
        if (piece < 20'000)
            CHECK(lines_of(whole, "r7-0 | ") > 1);
        CHECK(without(without(whole, "r7-0 | "), "\n") == said);
    }
}

TEST_CASE("what a supervisor says at length keeps its name and its colour") {
    TrialLines lines;
    const Terminal colored{.interactive = true, .color = true};
    std::string text = lines.take("<3>" + std::string(40'000, 'x'), colored);
    text += lines.take(std::string(100, 'y') + "\n<6>well\n", colored);
    CHECK(text.starts_with("\x1b[31msvcd | xxx"));
    CHECK(text.find("\x1b[31msvcd | yyy") != std::string::npos);
    CHECK(text.find("\x1b[2msvcd | well") != std::string::npos);
}

TEST_CASE("without colors none of a worker's gets through, nor does any other escape") {
    TrialLines lines;
    CHECK(lines.take("r1-0 | a\x1b[31mred\x1b[0m b\x1b[2Jc \u202edrow\n", {}) ==
          "r1-0 | ared b?[2Jc ?drow\n");
}
