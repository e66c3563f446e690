#include "svcd/front/environment_file.h"

#include <doctest/doctest.h>

using namespace svc::daemon;
using Variables = std::map<std::string, std::string>;

namespace {
Variables variables(std::string_view text) {
    const auto parsed = parse_environment(text);
    CHECK(parsed.mistakes.empty());
    return parsed.variables;
}
} // namespace

TEST_CASE("each line assigns one variable, and comments and empty lines are nothing") {
    CHECK(variables("# first\nA=1\n\n; second\n  B = two words \nC=\n") ==
          Variables{{"A", "1"}, {"B", "two words"}, {"C", ""}});
    CHECK(variables("").empty());
    CHECK(variables("A=1\r\nB=2\r\n") == Variables{{"A", "1"}, {"B", "2"}});
}

TEST_CASE("a value may hold '=' and '#', and nothing in it is expanded") {
    CHECK(variables("URL=http://x/?a=b#c\nD=$HOME/${X}\n") ==
          Variables{{"URL", "http://x/?a=b#c"}, {"D", "$HOME/${X}"}});
}

TEST_CASE("a later assignment replaces an earlier one") {
    CHECK(variables("A=1\nA=2") == Variables{{"A", "2"}});
}

TEST_CASE("single quotes keep everything, double quotes all but a backslash before a special") {
    CHECK(variables(R"(A=' b\n "c" ')") == Variables{{"A", R"( b\n "c" )"}});
    CHECK(variables("A=\"x\\\"y\\n\\$z\"") == Variables{{"A", "x\"y\\n$z"}});
    CHECK(variables("A=\"two\nlines\"\nB=1") == Variables{{"A", "two\nlines"}, {"B", "1"}});
    CHECK(variables("A=one' two 'three  ") == Variables{{"A", "one two three"}});
}

TEST_CASE("a backslash joins lines outside quotes, and the line count goes on") {
    CHECK(variables("A=one\\\ntwo") == Variables{{"A", "onetwo"}});
    const auto parsed = parse_environment("A=one\\\ntwo\nwrong\n");
    REQUIRE(parsed.mistakes.size() == 1);
    CHECK(parsed.mistakes[0].line == 3);
}

TEST_CASE("every line that assigns nothing is a mistake with its number") {
    const auto parsed = parse_environment("A=1\nexport B=2\n=3\n7UP=4\nnothing\nC='open\n");
    REQUIRE(parsed.mistakes.size() == 5);
    CHECK(parsed.mistakes[0].line == 2);
    CHECK(parsed.mistakes[1].line == 3);
    CHECK(parsed.mistakes[2].line == 4);
    CHECK(parsed.mistakes[3].line == 5);
    CHECK(parsed.mistakes[4].line == 6);
    CHECK(parsed.variables == Variables{{"A", "1"}});
}

TEST_CASE("a NUL byte in a value is a mistake: execve(2) would cut it there") {
    const auto parsed = parse_environment(std::string_view("A=x\0y\n", 6));
    CHECK(parsed.mistakes.size() == 1);
    CHECK(parsed.variables.empty());
}

TEST_CASE("a byte-order mark is no part of the first name") {
    CHECK(variables("\xef\xbb\xbf"
                    "A=1") == Variables{{"A", "1"}});
}
