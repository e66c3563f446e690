// Nothing that a file can contain ends the process or takes long.
#include "helpers.h"

#include "base/text.h"

#include <random>

using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::string_literals;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i)
        result += text;
    return result;
}

void refused(const std::string& text) {
    const auto parsed = parse_service_file(text);
    REQUIRE_FALSE(parsed.mistakes.empty());
    for (const Mistake& mistake : parsed.mistakes) {
        const std::string line = format_mistake("x", mistake);
        CHECK(line.size() < 2000);
        CHECK(line == svc::printable(line, line.size()));
    }
}

const std::string valid = R"([service]
command = ["${release}/bin/web", '--a', """long
text"""]
release = "/srv/web/current"
environment = { A = "1", "B" = '2' }
umask = "0027"
limits = { nofile = 65536, core = ["64M", "infinity"] }
nice = -5 # a comment

[[listener]]
name = "http"
address = "[::]:8080"
v6only = false
backlog = 4096
defer_accept = "5s"
[[listener]]
address = "unix:/run/web.sock"
mode = "0660"

[ready]
on = "started"
delay = "1s"
[rollout]
replicas = 4
max_surge = "25%"
max_unavailable = 0
max_total = 9
[stop]
pre_stop = { http = "unix:/run/x.sock:/drain", method = "POST" }
post_stop = { exec = ["/bin/a"] }
grace = "30s"
[restart]
backoff = { min = "100ms", max = "30s" }
)";

std::string mutated(std::string text, std::mt19937_64& random) {
    constexpr std::string_view bytes = "\"'[]{}=.,#\\\n\r\t \0\xff\x80$0123456789-+_eE:a%";
    const std::size_t edits = 1 + random() % 6;
    for (std::size_t i = 0; i < edits && !text.empty(); ++i) {
        const std::size_t at = random() % text.size();
        const std::size_t length = random() % 24;
        switch (random() % 5) {
        case 0:
            text[at] = bytes[random() % bytes.size()];
            break;
        case 1:
            text.insert(at, 1 + random() % 3, bytes[random() % bytes.size()]);
            break;
        case 2:
            text.erase(at, length);
            break;
        case 3:
            text.insert(random() % text.size(), text.substr(at, length));
            break;
        case 4:
            text[at] = static_cast<char>(random());
            break;
        }
    }
    return text;
}

} // namespace

TEST_CASE("deep nesting of any kind is refused before it is parsed") {
    for (const std::string& text :
         {repeated("[", 500'000), repeated("a.", 500'000) + "a = 1",
          "a = " + repeated("[", 300'000), "a = " + repeated("{a=", 300'000),
          "[" + repeated("a.", 400'000) + "a]", "[[" + repeated("a.", 400'000) + "a]]",
          "a = [\n" + repeated("{" + repeated("b.", 31) + "b=[\n", 10'000),
          "a = \"\"\"\"\"\"\nb = {" + repeated("c.", 200'000) + "c=1}"}) {
        CAPTURE(text.substr(0, 40));
        const auto parsed = parse_service_file(text);
        REQUIRE(parsed.mistakes.size() == 1);
        CHECK(parsed.mistakes.front().message.find("nested too deeply") != std::string::npos);
    }
}

TEST_CASE("deep nesting is said where it begins") {
    const auto parsed = parse_service_file(minimal + "x = " + repeated("[", 40));
    REQUIRE(parsed.mistakes.size() == 1);
    CHECK(parsed.mistakes.front().line == 3);
    CHECK(parsed.mistakes.front().column == 37);
}

TEST_CASE("brackets and dots in strings and comments are not nesting") {
    const std::string many = repeated("[.{", 1000);
    CHECK(mistakes_of("[service]\ncommand = [\"/a\", \"\\\"" + many + "\", '" + many +
                      "', \"\"\"\"" + many + "\n" + many + "\"\"\"\", '''" + many + "''''] # " +
                      many + "\n")
              .empty());
}

TEST_CASE("a huge file and huge texts in it are refused with short messages") {
    refused(std::string(service_file_limit + 1, '#'));
    const std::string huge(1'000'000, 'a');
    refused(minimal + huge + " = 1\n");
    refused(minimal + "[stop]\nsignal = \"" + huge + "\"\n");
    refused(minimal + "[stop]\ngrace = \"" + huge + "\"\n");
    refused(minimal + "[stop]\npre_stop = { http = \"http://" + huge + "\" }\n");
    refused(minimal + "[[listener]]\naddress = \"" + huge + "\"\n");
    refused(minimal + "[[listener]]\naddress = \"unix:/" + huge + "\"\n");
    refused(minimal + "[[listener]]\naddress = \"80\"\nname = \"" + huge + "\"\n");
    refused(minimal + "[[listener]]\naddress = \"80\"\nbind_to_device = \"" + huge + "\"\n");
    refused(minimal + "directory = \"" + huge + "\"\n");
    refused(minimal + "umask = \"" + repeated("7", 1'000'000) + "\"\n");
    refused(minimal + "environment = { \"" + huge + "\" = 5 }\n");
    refused(minimal + "session = \"" + huge + "\"\n");
}

TEST_CASE("a hundred thousand mistakes are refused as fast as one") {
    std::string text = minimal;
    for (int i = 0; i < 80'000; ++i)
        text += "k" + std::to_string(i) + " = 1\n";
    refused(text);
    refused(minimal + repeated("[[listener]]\n", 15'000));
}

TEST_CASE("a NUL in a string is refused, raw or escaped") {
    refused(minimal + "user = \"a\0b\"\n"s);
    check_mistake(minimal + "user = \"a\\u0000b\"\n", "3:8 service.user", "NUL");
    check_mistake(minimal + "environment = { A = \"\\u0000\" }\n", "3:21 service.environment.A",
                  "NUL");
    check_mistake(minimal + "environment = { \"a\\u0000\" = \"b\" }\n",
                  "3:15 service.environment.a?", "the name of a variable");
    refused("[service]\ncommand = [\"/a\\u0000b\"]\n");
}

TEST_CASE("control characters in names and values do not reach the messages") {
    refused(minimal + "\"a\\u001b[31m\" = 1\n");
    refused(minimal + "[stop]\nsignal = \"\\u001b[31m\"\n");
    refused(minimal + "[[listener]]\naddress = \"unix:/a\\nb\"\n");
}

TEST_CASE("invalid UTF-8 and numbers out of 64 bits are syntax errors") {
    refused(minimal + "user = \"\xff\xfe\"\n");
    refused(minimal + "user = \"\xc0\xaf\"\n");
    refused("\xff\xfe[service]\n");
    refused(minimal + "nice = 9223372036854775808\n");
    refused(minimal + "nice = -99999999999999999999999\n");
    refused(minimal + "nice = 0xffffffffffffffffffff\n");
    check_mistake(minimal + "nice = 9223372036854775807\n", "3:8 service.nice", "out of range");
    check_mistake(minimal + "nice = nan\n", "3:8 service.nice", "fraction");
    check_mistake(minimal + "limits = { nofile = \"99999999999999999999\" }\n",
                  "3:21 service.limits.nofile", "is not a limit");
}

TEST_CASE("20,000 mutations of a right file never crash the parser") {
    REQUIRE(mistakes_of(valid).empty());
    std::mt19937_64 random(4711);
    std::size_t right = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string text = mutated(valid, random);
        const auto parsed = parse_service_file(text);
        right += parsed.mistakes.empty() ? 1 : 0;
        if (parsed.mistakes.empty())
            CHECK(check_spec(parsed.spec).empty());
        else
            CHECK(parsed.mistakes.front().message.size() < 2000);
    }
    // Both kinds were there: the mutations reach past the syntax.
    CHECK(right > 100);
    CHECK(right < 19'000);
}
