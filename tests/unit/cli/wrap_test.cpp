#include "svc/screen/wrap.h"

#include <doctest/doctest.h>

using svc::cli::wrapped;

TEST_CASE("sentences are broken between words, and go on indented") {
    CHECK(wrapped("svc: web: one two three four five\nsix\n", 20) ==
          "svc: web: one two\n  three four five\nsix\n");
    CHECK(wrapped("exactly twenty chars", 20) == "exactly twenty chars");
    CHECK(wrapped("a word_that_is_longer_than_any_line b", 20) ==
          "a\n  word_that_is_longer_than_any_line\n  b");
}

TEST_CASE("without a terminal, or on one too narrow for words, nothing is broken") {
    const std::string text = "one two three four five six seven";
    CHECK(wrapped(text, 0) == text);
    CHECK(wrapped(text, 10) == text);
}

TEST_CASE("a command in backquotes stays in one piece") {
    CHECK(wrapped("it goes on; `svc status web` shows it", 20) ==
          "it goes on;\n  `svc status web`\n  shows it");
    CHECK(wrapped("it is the machine`s own, and so on", 20) ==
          "it is the machine`s\n  own, and so on");
}

TEST_CASE("others' words and colors: the first stay as they are, the second take no columns") {
    CHECK(wrapped("    | a line of a worker that is long\n", 20) ==
          "    | a line of a worker that is long\n");
    CHECK(wrapped("\x1b[31mone two three four\x1b[0m", 20) == "\x1b[31mone two three four\x1b[0m");
}
