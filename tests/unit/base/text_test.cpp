#include "base/text.h"

#include <doctest/doctest.h>

#include <csignal>

using svc::is_plain_name;
using svc::nearest;
using svc::parse_signal;
using svc::parse_size;
using svc::printable;
using svc::signal_name;
using namespace std::string_literals;

TEST_CASE("printable keeps UTF-8 and tabs") {
    CHECK(printable("grüße\t→ 🌍", 100) == "grüße\t→ 🌍");
}

TEST_CASE("printable replaces control characters, C1 ones too") {
    CHECK(printable("a\x1b[31mb\r\n\x7f", 100) == "a?[31mb???");
    CHECK(printable("a\0b"s, 100) == "a?b");
    CHECK(printable("a\xc2\x9b"
                    "31m",
                    100) == "a?31m");
}

TEST_CASE("printable replaces what turns the text around it, or is seen by nobody") {
    CHECK(printable("a\u202eb\u2066c\u200fd\u061ce", 100) == "a?b?c?d?e");
    CHECK(printable("a\u2028b\u2029c\ufeffd\u200be\u00adf\U000e0041g", 100) == "a?b?c?d?e?f?g");
    CHECK(printable("\u0645\u06cc\u200c\u062e", 100) == "\u0645\u06cc\u200c\u062e"); // a joiner
}

TEST_CASE("printable replaces every byte that is not UTF-8") {
    CHECK(printable("\xff\xfe", 100) == "??");
    CHECK(printable("\xc0\xaf", 100) == "??");           // overlong
    CHECK(printable("\xe0\x80\xaf", 100) == "???");      // overlong
    CHECK(printable("\xf0\x80\x80\xaf", 100) == "????"); // overlong
    CHECK(printable("\xed\xa0\x80", 100) == "???");      // surrogate
    CHECK(printable("\xf4\x90\x80\x80", 100) == "????"); // above U+10FFFF
    CHECK(printable("\xf5\x80\x80\x80", 100) == "????");
    CHECK(printable("a\xe2\x82", 100) == "a??"); // cut off
    CHECK(printable("\xe2\x82z", 100) == "??z");
}

TEST_CASE("printable cuts on a character boundary") {
    CHECK(printable("aé", 3) == "aé");
    CHECK(printable("aé", 2) == "a");
    CHECK(printable("abc", 0).empty());
}

TEST_CASE("sizes are bytes or binary multiples") {
    CHECK(parse_size("0").value() == 0);
    CHECK(parse_size("4096").value() == 4096);
    CHECK(parse_size("512K").value() == 512u * 1024);
    CHECK(parse_size("64M").value() == 64u << 20);
    CHECK(parse_size("1G").value() == 1u << 30);
    CHECK(parse_size("2T").value() == 2ULL << 40);
    CHECK(parse_size("18446744073709551615").value() == UINT64_MAX);
    for (const char* text : {"", "K", "64m", "64MB", "-1", "1.5M", "1 M", "18446744073709551616",
                             "16777216T", "M64"}) {
        CAPTURE(std::string(text));
        CHECK_FALSE(parse_size(text).ok());
    }
}

TEST_CASE("a plain name has only letters, digits, dot, dash and underscore") {
    CHECK(is_plain_name("web-1.http_x", 32));
    CHECK(is_plain_name("a", 1));
    CHECK_FALSE(is_plain_name("", 10));
    CHECK_FALSE(is_plain_name("ab", 1));
    CHECK_FALSE(is_plain_name(".", 10));
    CHECK_FALSE(is_plain_name("..", 10));
    CHECK_FALSE(is_plain_name("-a", 10));
    CHECK_FALSE(is_plain_name("a/b", 10));
    CHECK_FALSE(is_plain_name("a:b", 10));
    CHECK_FALSE(is_plain_name("ä", 10));
    CHECK_FALSE(is_plain_name("a\0"s, 10));
}

TEST_CASE("a signal is read by name, short name or number") {
    CHECK(parse_signal("SIGTERM").value() == SIGTERM);
    CHECK(parse_signal("TERM").value() == SIGTERM);
    CHECK(parse_signal("15").value() == SIGTERM);
    CHECK(parse_signal("SIGIO").value() == SIGIO);
    CHECK(parse_signal("SIGPOLL").value() == SIGPOLL);
    CHECK(parse_signal("SIGRTMIN+3").value() == SIGRTMIN + 3);
    CHECK(parse_signal("SIGRTMAX-1").value() == SIGRTMAX - 1);
    CHECK(parse_signal("RTMIN").value() == SIGRTMIN);
}

TEST_CASE("what is not a signal is refused, with the one that was meant") {
    CHECK(parse_signal("sigterm").error().message ==
          "\"sigterm\" is not a signal; did you mean SIGTERM?");
    CHECK(parse_signal("SIGQIUT").error().message ==
          "\"SIGQIUT\" is not a signal; did you mean SIGQUIT?");
    // 32 belongs to the C library.
    for (const char* text : {"", "0", "32", "65", "-1", "SIG", "SIGRTMIN+99", "SIGRTMIN-1",
                             "99999999999", "SIGRTMIN+", "please"}) {
        CAPTURE(std::string(text));
        CHECK_FALSE(parse_signal(text).ok());
    }
}

TEST_CASE("every signal with a name has a name that reads back") {
    for (int signal = 1; signal < 32; ++signal)
        CHECK(parse_signal(signal_name(signal)).value() == signal);
    CHECK(signal_name(SIGTERM) == "SIGTERM");
    CHECK(signal_name(40) == "signal 40");
}

TEST_CASE("nearest finds what was meant and nothing far-fetched") {
    const std::vector<std::string> words{"command", "check", "user", "on"};
    CHECK(nearest("comand", words) == "command");
    CHECK(nearest("chekc", words) == "check");
    CHECK(nearest("usr", words) == "user");
    CHECK(nearest("xy", words).empty());
    CHECK(nearest("completely", words).empty());
    CHECK(nearest("", words).empty());
    CHECK(nearest(std::string(1 << 20, 'c'), words).empty());
    CHECK(nearest("word", {}).empty());
}

TEST_CASE("join puts the separator between") {
    CHECK(svc::join({}, ", ").empty());
    CHECK(svc::join({"a"}, ", ") == "a");
    CHECK(svc::join({"a", "b", "c"}, ", ") == "a, b, c");
}

TEST_CASE("a word is quoted for a shell only where it has to be") {
    CHECK(svc::shell_line({"/usr/bin/web", "--port=80", "a@b:c,d"}) ==
          "/usr/bin/web --port=80 a@b:c,d");
    CHECK(svc::shell_line({"nginx", "-g", "daemon off;"}) == "nginx -g 'daemon off;'");
    CHECK(svc::shell_word("") == "''");
    CHECK(svc::shell_word("it's $HOME") == R"('it'\''s $HOME')");
    CHECK(svc::shell_word("~root") == "'~root'");
    CHECK(svc::shell_word("a\nb") == "'a\nb'");
}
