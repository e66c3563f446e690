#include "wire/codec.h"

#include "filled.h"

#include <boost/json/parse.hpp>

#include <doctest/doctest.h>

#include <chrono>

using namespace svc;
using namespace svc::wire;
using svc::rollout::State;
using svc::wire::testing::filled;

namespace {

std::string fault(std::string_view text) {
    const auto state = parse_state(text);
    return state ? "none" : state.error().message;
}

/// `text` with the first `from` replaced, which must be there.
std::string with(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, from);
    return text.replace(at, from.size(), to);
}

State small_state() {
    State state;
    state.service = "web";
    state.revisions[7].number = 7;
    state.revisions[7].spec.stop.pre_stop =
        rollout::HookSpec{rollout::SleepHook{std::chrono::seconds(5)}, {}, {}};
    state.workers[3].id = 3;
    state.outcomes.emplace_back().reason = "why";
    state.replica_list.emplace_back();
    return state;
}

} // namespace

TEST_CASE("an empty state reads back") {
    const auto state = parse_state(serialize_state(State{}));
    REQUIRE(state.ok());
    CHECK(*state == State{});
}

TEST_CASE("a state in which every member differs from its default reads back equal") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        const auto state = filled<State>(seed);
        const auto text = serialize_state(state);
        const auto back = parse_state(text);
        CAPTURE(seed);
        REQUIRE_MESSAGE(back.ok(), back.error().message);
        REQUIRE(*back == state);
        CHECK(serialize_state(*back) == text);
    }
}

TEST_CASE("what is written is JSON that others read") {
    const auto value = boost::json::parse(serialize_state(small_state()));
    const auto& state = value.at("state");
    CHECK(value.at("version") == 1);
    CHECK(state.at("service") == "web");
    CHECK(state.at("wanted") == "run");
    CHECK(state.at("revisions").at("7").at("spec").at("ready").at("timeout") == 60'000'000);
    CHECK(state.at("revisions").at("7").at("spec").at("stop").at("pre_stop") ==
          boost::json::value{{"what", {{"kind", "sleep"}, {"length", 5'000'000}}},
                             {"on_failure", "ignore"}});
    CHECK_FALSE(state.as_object().contains("rollout"));
}

TEST_CASE("bytes that are not UTF-8 survive, and do not break the JSON") {
    State state;
    state.stop_reason = "caf\xe9";
    state.revisions[1].file_environment["\xff"] = "\x01mark";
    const auto text = serialize_state(state);
    CHECK(text.find(R"("stop_reason":"\u0001636166e9")") != std::string::npos);
    const auto back = parse_state(text);
    REQUIRE(back.ok());
    CHECK(*back == state);
    CHECK(fault(with(text, R"(\u0001636166e9)", R"(\u0001636166e)")) ==
          "state.stop_reason is not hexadecimal after U+0001");
}

TEST_CASE("a mistake is told with its place") {
    const auto text = serialize_state(small_state());
    const auto changed = [&](auto from, auto to) { return fault(with(text, from, to)); };
    CHECK(changed(R"("phase":"spawning")", R"("phase":"flying")")
              .starts_with("state.workers[3].phase is not one of preparing, spawning, "));
    CHECK(changed(R"("next_worker":1)", R"("next_worker":-1)") ==
          "state.next_worker is not a whole number from 0 to 18446744073709551615");
    CHECK(changed(R"("next_worker":1)", R"("next_worker":1.0)").starts_with("state.next_worker"));
    CHECK(changed(R"("max_surge":{"value":1)", R"("max_surge":{"value":4294967296)") ==
          "state.revisions[7].spec.rollout.max_surge.value is not a whole number from 0 to "
          "4294967295");
    CHECK(changed(R"("failed":false)", R"("failed":0)") ==
          "state.failed is neither true nor false");
    CHECK(changed(R"("service":"web")", R"("service":null)") == "state.service is not a string");
    CHECK(changed(R"("service":"web",)", "") == "state.service is missing");
    CHECK(changed(R"("service":"web")", R"("service":"web","colour":1)") ==
          "state.colour is not known");
    CHECK(changed(R"("outcomes":[{)", R"("outcomes":[{"x\u001b":1,)") ==
          "state.outcomes[0].x? is not known");
    CHECK(changed(R"("reason":"why")", R"("reason":[])") ==
          "state.outcomes[0].reason is not a string");
    CHECK(
        changed(R"("kind":"sleep")", R"("kind":"nap")") ==
        "state.revisions[7].spec.stop.pre_stop.what.kind is not one of exec, sleep, signal, http");
    CHECK(changed(R"("kind":"sleep")", R"("kind":"sleep","x":1)") ==
          "state.revisions[7].spec.stop.pre_stop.what.x is not known");
    CHECK(changed(R"("workers":{"3")", R"("workers":{"03")") ==
          "state.workers has a key that is not a whole number");
    CHECK(changed(R"("workers":{)", R"("workers":[{)").starts_with("the state is not JSON"));
}

TEST_CASE("another version, and what is no state at all, is refused") {
    const auto text = serialize_state(State{});
    CHECK(fault(with(text, R"("version":1)", R"("version":2)")) ==
          "the state is of version 2, and this svcd reads version 1");
    CHECK(fault("").starts_with("the state is not JSON"));
    CHECK(fault("[]").find("no \"version\"") != std::string::npos);
    CHECK(fault(R"({"version":1})") == "state is missing");
    CHECK(fault(std::string(100'000, '[')).starts_with("the state is not JSON"));
    CHECK(fault(std::string(state_limit + 1, ' ')).find("longer than") != std::string::npos);
}

TEST_CASE("no mutation of a state crashes the parser, and what it accepts is a state") {
    std::mt19937 random(3);
    std::vector<std::string> bases;
    for (std::uint64_t seed = 1; seed <= 20; ++seed)
        bases.push_back(serialize_state(filled<State>(seed)));
    bases.push_back(serialize_state(small_state()));
    static constexpr std::string_view bits[] = {
        "{",       "}",   "[", "]", ",", ":", "\"", "null", "-1", "1e9", "99999999999999999999",
        "\\ud800", "true"};
    int accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = bases[random() % bases.size()];
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            const auto at = random() % text.size();
            const auto bit = bits[random() % std::size(bits)];
            switch (random() % 4) {
            case 0:
                text[at] = static_cast<char>(random());
                break;
            case 1:
                text.insert(at, bit);
                break;
            case 2:
                text.erase(at, 1 + random() % 8);
                break;
            case 3:
                text.replace(at, 1, 1, static_cast<char>('0' + random() % 10));
                break;
            }
        }
        if (const auto state = parse_state(text)) {
            ++accepted;
            const auto again = parse_state(serialize_state(*state));
            REQUIRE(again.ok());
            REQUIRE(*again == *state);
        }
    }
    // Changed digits and letters inside of strings: some must pass, or nothing was tested.
    CHECK(accepted > 500);
}

TEST_CASE("a revision and an outcome of the history read back equal") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const auto revision = testing::filled<rollout::Revision>(seed);
        const auto back = parse_revision(serialize_revision(revision));
        REQUIRE_MESSAGE(back.ok(), back.error().message);
        CHECK(*back == revision);
    }
    const StoredOutcome outcome{.verdict = rollout::Verdict::rolled_back,
                                .reason = "r7-0: exit status 1",
                                .successor = 8,
                                .last_output = {"last words"},
                                .began = WallTime(Duration(1)),
                                .ended = WallTime(Duration(2))};
    CHECK(*parse_outcome(serialize_outcome(outcome)) == outcome);
    Timeline timeline;
    timeline.revision = 7;
    timeline.workers = {{.name = "r7-0", .launched_us = -5, .ready_us = 3}};
    CHECK(*parse_timeline(serialize_timeline(timeline)) == timeline);
}

TEST_CASE("a revision of an older svc has defaults for what came later, a newer one's is refused") {
    const auto older = parse_revision(R"({"version":1,"revision":{"number":7}})");
    REQUIRE(older.ok());
    CHECK(older->number == 7);
    CHECK(older->spec.rollout.history == 10);
    CHECK_FALSE(parse_revision(R"({"version":1,"revision":{"number":7,"sandbox":"on"}})"));
    CHECK_FALSE(parse_revision(R"({"version":2,"revision":{"number":7}})"));
}
