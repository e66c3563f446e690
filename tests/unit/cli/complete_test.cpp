#include "run_verb.h"

#include <doctest/doctest.h>

#include <filesystem>

using namespace svc;
using namespace svc::cli;
using namespace svc::cli::testing;

namespace {

/// What a script of zsh is told of "svc --runtime-dir DIR WORDS".
Ran completed(const TemporaryDirectory& directory, const std::string& words,
              const Patience& patience = short_patience) {
    return run_verb({.verb = Verb::complete,
                     .command = {"zsh", "svc --runtime-dir " + directory.path() + ' ' + words, ""}},
                    patience);
}

} // namespace

TEST_CASE(
    "services are described as their supervisors say, who are asked for nothing that takes work") {
    const TemporaryDirectory directory;
    wire::VarlinkCall asked;
    const FakeSupervisor supervisor(directory.path(), "web", [&](int connection, auto& call) {
        asked = call;
        FakeSupervisor::reply(
            connection, to_json(wire::ServiceStatus{.service = "web", .summary = "2/2 available"}),
            false);
    });
    const auto ran = completed(directory, "status ", long_patience);
    CHECK(ran.status == 0);
    CHECK(ran.out == "words service\nweb\t2/2 available\n");
    CHECK(asked.method == "io.svc.Supervisor.Status");
    CHECK(asked.parameters.empty());
}

TEST_CASE("revisions come from the history of the service that is named") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto& call) {
        REQUIRE(call.method == "io.svc.Supervisor.History");
        FakeSupervisor::reply(
            connection, to_json(wire::HistoryReply{{{.revision = 4, .unreadable = "cut"}}}), false);
    });
    CHECK(completed(directory, "logs web --revision ", long_patience).out ==
          "words revision\n4\tunreadable\n");
    CHECK(completed(directory, "logs api --revision ").out == "words revision\n");
}

TEST_CASE("a supervisor that says nothing, or nonsense, or is gone is still one by its name") {
    const TemporaryDirectory directory;
    const FakeSupervisor silent(directory.path(), "silent", [](int connection, auto&) {
        FakeSupervisor::next_call(connection); // until it hangs up
    });
    const FakeSupervisor broken(directory.path(), "broken", [](int connection, auto&) {
        FakeSupervisor::say(connection, std::string("what?\0", 6));
    });
    FakeSupervisor dead(directory.path(), "dead", [](int, auto&) {});
    dead.die();
    const auto ran = completed(directory, "status ");
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK(has(ran.out, "silent\tdoes not answer\n"));
    CHECK(has(ran.out, "broken\t"));
    CHECK(has(ran.out, "dead\tnot running\n"));
    CHECK(completed(directory, "undo silent --to ").out == "words revision\n");
    CHECK(completed(directory, "undo broken --to ").out == "words revision\n");
    CHECK(completed(directory, "undo dead --to ").out == "words revision\n");
}

TEST_CASE("what has no plain name is no candidate") {
    const TemporaryDirectory directory;
    const std::vector<std::string> names = {"a b", "a\x1b[31m", "$(x)", "a;b", "plain"};
    std::vector<UniqueFd> listeners;
    for (const auto& name : names) {
        std::filesystem::create_directory(directory.path() + '/' + name);
        listeners.push_back(listen_at(directory.path() + '/' + name + "/control"));
    }
    CHECK(completed(directory, "status ").out == "words service\nplain\tdoes not answer\n");
}

TEST_CASE("what a script does not say is said to be its own") {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"complete"},
                                                  {"complete", "tcsh", "", ""},
                                                  {"complete", "bash", "", ""}}) {
        const auto result = parse_arguments(words);
        const auto* end = std::get_if<EndNow>(&result);
        REQUIRE(end != nullptr);
        CHECK(end->status == 2);
        CHECK(has(end->text, "see COMPLETION in svc(1)"));
    }
    const auto result = parse_arguments({"complete", "fish", "svc --", "--help"});
    CHECK(std::get<Options>(result).command ==
          std::vector<std::string>{"fish", "svc --", "--help"});
}
