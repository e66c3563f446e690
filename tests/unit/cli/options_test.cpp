#include "svc/options/options.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;
using namespace std::chrono_literals;

namespace {

Options parsed(std::vector<std::string> arguments) {
    const auto result = parse_arguments(std::move(arguments));
    const auto* end = std::get_if<EndNow>(&result);
    REQUIRE_MESSAGE(end == nullptr, end->text);
    return std::get<Options>(result);
}

/// The mistake, which must be one of usage.
std::string mistake(std::vector<std::string> arguments) {
    const auto result = parse_arguments(std::move(arguments));
    const auto* end = std::get_if<EndNow>(&result);
    REQUIRE(end != nullptr);
    CHECK(end->status == 2);
    CHECK(end->text.find("Try 'svc --help'") != std::string::npos);
    return end->text;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("reload takes a name and everything about its waiting") {
    const auto bare = parsed({"reload"});
    CHECK(bare.verb == Verb::reload);
    CHECK(bare.name.empty());
    CHECK(bare.wait);
    CHECK(bare.wait_drained);
    CHECK_FALSE(bare.timeout);
    const auto full = parsed({"reload", "web", "--cause", "CVE fix", "--supersede", "--no-wait",
                              "--no-wait-drain", "--timeout", "1m30s", "--json"});
    CHECK(full.name == "web");
    CHECK(full.cause == "CVE fix");
    CHECK(full.supersede);
    CHECK_FALSE(full.wait);
    CHECK_FALSE(full.wait_drained);
    CHECK(full.timeout == 90s);
    CHECK(full.json);
    CHECK(parsed({"apply", "--supersede"}).verb == Verb::apply);
}

TEST_CASE("an option that is not one suggests the near one of its verb") {
    CHECK(has(mistake({"reload", "--no-wiat", "web"}), "did you mean --no-wait?"));
    CHECK(has(mistake({"top", "--intervall=3s"}), "did you mean --interval?"));
    CHECK_FALSE(has(mistake({"reload", "--interval=3s"}), "did you mean"));
    CHECK(has(mistake({"--jsom", "status"}), "did you mean --json?"));
}

TEST_CASE("the other verbs take their own options") {
    CHECK(parsed({"stop", "--now", "web"}).now);
    CHECK(parsed({"upgrade", "web", "--timeout", "5s"}).timeout == 5s);
    CHECK_FALSE(parsed({"upgrade", "web"}).all);
    CHECK(parsed({"upgrade", "--all"}).all);
    CHECK(has(mistake({"upgrade", "--no-wait"}), "--no-wait"));
    CHECK(parsed({"status", "web"}).name == "web");
    CHECK(parsed({"list", "--json"}).verb == Verb::list);
    CHECK(parsed({"check", "./web.toml"}).name == "./web.toml");
    const auto scale = parsed({"scale", "4", "web"});
    CHECK(scale.replicas == 4);
    CHECK(scale.name == "web");
    CHECK(parsed({"scale", "0"}).replicas == 0);
    CHECK(parsed({"reload", "--now"}).now);
    CHECK(parsed({"pause", "web", "--reason", "lunch"}).reason == "lunch");
    CHECK_FALSE(parsed({"resume", "--no-wait-drain"}).wait_drained);
    CHECK(parsed({"abort", "--reason", "wrong", "--timeout", "1m"}).timeout == 60s);
    CHECK(parsed({"promote", "web"}).verb == Verb::promote);
    const auto replace = parsed({"replace", "2", "web"});
    CHECK(replace.replica == 2);
    CHECK(replace.name == "web");
    CHECK(parsed({"freeze", "--reason", "quarter end"}).verb == Verb::freeze);
    CHECK(parsed({"unfreeze"}).verb == Verb::unfreeze);
    const auto events = parsed({"events", "-f", "--since", "17"});
    CHECK(events.follow);
    CHECK(events.since == 17);
}

TEST_CASE("--runtime-dir stands before or after the verb") {
    CHECK(parsed({"--runtime-dir", "/x", "status"}).runtime_dir == "/x");
    CHECK(parsed({"status", "web", "--runtime-dir=/x"}).runtime_dir == "/x");
}

TEST_CASE("a mistake ends with status 2 and says what would be right") {
    CHECK(has(mistake({"realod"}), "\"realod\" is not a command; did you mean reload?"));
    CHECK(has(mistake({"levitate"}), "\"levitate\" is not a command\n"));
    CHECK(has(mistake({"\x1b[2J"}), "\"?[2J\" is not a command"));
    mistake({});
    mistake({"reload", "--sudo"});
    mistake({"reload", "web", "api"});
    mistake({"status", "--supersede"});
    mistake({"scale", "2", "--now"});
    CHECK(has(mistake({"replace"}), "write: svc replace 2 [NAME]"));
    CHECK(has(mistake({"replace", "web"}), "\"web\" is not a replica's number"));
    CHECK(has(mistake({"freeze", "web"}), "svc freeze --reason"));
    mistake({"promote", "--reason", "x"});
    mistake({"scale"});
    CHECK(has(mistake({"scale", "web", "4"}), "write: svc scale 4 [NAME]"));
    mistake({"scale", "-1"});
    CHECK(has(mistake({"scale", "4294967296"}), "not a number of replicas"));
    CHECK(has(mistake({"reload", "--timeout", "30"}), "--timeout: "));
    CHECK(has(mistake({"events", "--since", "yesterday"}), "--since yesterday is not an event"));
    CHECK(has(mistake({"status", "../x"}), "\"../x\" is not a service's name"));
}

TEST_CASE("help and version end with status 0") {
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"--help"}, {"reload", "--help"}, {"--version"}}) {
        const auto result = parse_arguments(arguments);
        const auto* end = std::get_if<EndNow>(&result);
        REQUIRE(end != nullptr);
        CHECK(end->status == 0);
        CHECK_FALSE(end->text.empty());
    }
    const auto help = std::get<EndNow>(parse_arguments({"reload", "--help"})).text;
    CHECK(has(help, "--supersede"));
}

TEST_CASE("history and diff take revisions and a name in any order that tells them apart") {
    CHECK(parsed({"history"}).revision == 0);
    const auto one = parsed({"history", "7", "web"});
    CHECK(one.revision == 7);
    CHECK(one.name == "web");
    CHECK(parsed({"history", "web"}).name == "web");
    CHECK(parsed({"timeline", "web", "7"}).revision == 7);
    CHECK(parsed({"timeline", "7", "web"}).name == "web");
    CHECK(has(mistake({"timeline", "6", "7"}), "at most 1 revision"));
    CHECK(parsed({"events", "-n", "10"}).lines == 10);
    CHECK_FALSE(parsed({"events"}).lines);
    CHECK(has(mistake({"events", "--lines", "all"}), "--lines all is not a number of events"));
    const auto both = parsed({"diff", "6", "7", "web"});
    CHECK(both.from == 6);
    CHECK(both.revision == 7);
    CHECK(both.name == "web");
    const auto older = parsed({"diff", "6"});
    CHECK(older.from == 6);
    CHECK(older.revision == 0);
    CHECK(has(mistake({"history", "6", "7"}), "at most 1 revision"));
    CHECK(has(mistake({"diff", "web", "other"}), "is not a revision's number"));
}

TEST_CASE("undo takes the revision to go back to, and waits as reload does") {
    const auto undo = parsed({"undo", "web", "--to", "6", "--cause", "slow", "--no-wait"});
    CHECK(undo.verb == Verb::undo);
    CHECK(undo.revision == 6);
    CHECK(undo.cause == "slow");
    CHECK_FALSE(undo.wait);
    CHECK(parsed({"undo"}).revision == 0);
    CHECK(has(mistake({"undo", "--to", "six"}), "is not a revision's number"));
    CHECK(has(mistake({"undo", "--to", "0"}), "is not a revision's number"));
}
