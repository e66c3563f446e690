// What svc does when its supervisor dies under it: the scripts hang up, and the next connection leads to the next
// supervisor.
#include "run_verb.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <mutex>

using namespace svc;
using namespace svc::cli;
using namespace svc::cli::testing;
using namespace std::chrono_literals;

namespace {

using wire::VarlinkCall;

/// Supervisors one after the other: each has one connection, does as its script says, and dies.
class Succession {
public:
    using Script = std::function<void(int connection)>;

    Succession(const TemporaryDirectory& directory, std::vector<Script> scripts)
        : scripts_(std::move(scripts)),
          supervisor_(directory.path(), "web", [this](int connection, const VarlinkCall& call) {
              const auto next = calls_.size();
              calls_.push_back(call);
              if (next < scripts_.size())
                  scripts_[next](connection);
          }) {}

    FakeSupervisor& supervisor() { return supervisor_; }
    /// Only when svc has ended.
    [[nodiscard]] const std::vector<VarlinkCall>& calls() const { return calls_; }
    [[nodiscard]] std::string method(std::size_t index) const {
        const auto name = calls_.at(index).method;
        return name.substr(name.rfind('.') + 1);
    }
    template <class T>
    [[nodiscard]] T parameters(std::size_t index) const {
        auto parsed = wire::from_json<T>(calls_.at(index).parameters);
        REQUIRE(parsed.ok());
        return *parsed;
    }

private:
    std::vector<Script> scripts_;
    std::vector<VarlinkCall> calls_;
    FakeSupervisor supervisor_;
};

Succession::Script says(const wire::Progress& what) {
    return [what](int connection) {
        FakeSupervisor::reply(connection, to_json(what), what.verdict.empty());
    };
}

void dies(int) {}

Succession::Script refuses(std::string_view error, const std::string& message) {
    return [error = std::string(error), message](int connection) {
        FakeSupervisor::reply(connection, to_json(wire::Refusal{message, {}}), false, error);
    };
}

rollout::Event event(std::uint64_t sequence, std::string text) {
    rollout::Event made;
    made.sequence = sequence;
    made.kind = rollout::EventKind::warning;
    made.text = std::move(text);
    return made;
}

Succession::Script tells(std::vector<rollout::Event> events, bool ends = false) {
    return [events = std::move(events), ends](int connection) {
        for (const auto& each : events)
            FakeSupervisor::reply(connection, wire::to_json(each), true);
        if (ends)
            FakeSupervisor::reply(connection, {}, false);
    };
}

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST_CASE("a reload that was accepted is followed to its verdict at the next supervisor") {
    const TemporaryDirectory directory;
    Succession web(directory,
                   {says(progress("revision 7 is accepted")), says(progress("r7-0 is ready")),
                    says(progress("revision 7 is complete", "complete"))});
    auto options = verb(Verb::reload, directory);
    options.wait_drained = false;
    const auto ran = run_verb(options, long_patience);
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK(has(ran.out, "(the supervisor was replaced; going on)\n"));
    CHECK(has(ran.out, "web: revision 7 serves"));
    REQUIRE(web.calls().size() == 3);
    for (const std::size_t index : {1, 2}) {
        CHECK(web.method(index) == "Follow");
        CHECK(web.parameters<wire::FollowCall>(index).revision == 7);
        CHECK_FALSE(web.parameters<wire::FollowCall>(index).wait_drained);
        CHECK(web.calls().at(index).more);
    }
}

TEST_CASE("a bad verdict keeps its exit status, and so does what nobody knows any more") {
    const TemporaryDirectory directory;
    auto bad = progress("revision 7 failed and was rolled back", "rolled back");
    bad.reason = "r7-0: exit status 1";
    {
        Succession web(directory, {says(progress("accepted")), says(bad)});
        const auto ran = run_verb(verb(Verb::reload, directory), long_patience);
        CHECK(ran.status == 1);
        CHECK(has(ran.err, "r7-0: exit status 1"));
    }
    Succession web(directory, {says(progress("accepted")),
                               refuses(wire::control_error::refused, "nothing is known of it")});
    const auto ran = run_verb(verb(Verb::reload, directory), long_patience);
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "svc: web: nothing is known of it\n"));
}

TEST_CASE("what superseded it is what is followed, and still said to be another one") {
    const TemporaryDirectory directory;
    auto newer = progress("revision 8 is complete", "complete");
    newer.revision = 8;
    auto news = progress("revision 7 was superseded by revision 8");
    news.revision = 8;
    Succession web(directory, {[&](int connection) {
                                   says(progress("accepted"))(connection);
                                   says(news)(connection);
                               },
                               says(newer)});
    const auto ran = run_verb(verb(Verb::reload, directory), long_patience);
    CHECK(ran.status == 0);
    CHECK(web.parameters<wire::FollowCall>(1).revision == 8);
    CHECK(has(ran.out, "Your revision 7 was superseded by 8"));
}

TEST_CASE("a rollout that was not answered is asked for again under the same name") {
    for (const auto asked : {Verb::reload, Verb::apply, Verb::undo}) {
        const TemporaryDirectory directory;
        Succession web(directory, {dies, dies, says(progress("done", "complete"))});
        CHECK(run_verb(verb(asked, directory), long_patience).status == 0);
        REQUIRE(web.calls().size() == 3);
        CHECK(web.calls()[1].method == web.calls()[0].method);
        CHECK(web.calls()[1].parameters == web.calls()[0].parameters);
        CHECK(web.calls()[2].parameters == web.calls()[0].parameters);
        CHECK(web.calls()[0].parameters.at("token").as_string().size() == 32);
    }
    const TemporaryDirectory directory;
    Succession web(directory,
                   {says(progress("done", "complete")), says(progress("done", "complete"))});
    run_verb(verb(Verb::reload, directory));
    run_verb(verb(Verb::reload, directory));
    CHECK(web.calls()[0].parameters.at("token") != web.calls()[1].parameters.at("token"));
}

TEST_CASE("a supervisor that dies of a request is not asked for ever") {
    const TemporaryDirectory directory;
    Succession web(directory, {});
    const auto ran = run_verb(verb(Verb::reload, directory), long_patience);
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "ended before it answered: nobody knows"));
    CHECK(web.calls().size() == 4);
}

TEST_CASE("what cannot be repeated is not, and that nobody knows what became of it is said") {
    for (const auto asked : {Verb::promote, Verb::resume, Verb::abort, Verb::pause, Verb::replace,
                             Verb::freeze, Verb::unfreeze}) {
        const TemporaryDirectory directory;
        Succession web(directory, {});
        const auto ran = run_verb(verb(asked, directory), long_patience);
        CHECK(ran.status == 1);
        CHECK(ran.err ==
              "svc: web: the supervisor ended before it answered: nobody knows whether it did "
              "what it was asked; `svc status web` shows it\n");
        CHECK(web.calls().size() == 1);
    }
}

TEST_CASE("every verb is followed by what it waits for") {
    const auto followed = [](Options options, wire::Progress first) {
        const TemporaryDirectory directory;
        options.name = "web";
        options.runtime_dir = directory.path();
        Succession web(directory, {says(first), says(progress("done", "complete"))});
        CHECK(run_verb(options, long_patience).status == 0);
        REQUIRE(web.method(1) == "Follow");
        return web.parameters<wire::FollowCall>(1);
    };
    auto first = progress("accepted");
    CHECK(followed({.verb = Verb::promote}, first).revision == 7);
    const auto abort = followed({.verb = Verb::abort}, first);
    CHECK(abort.revision == 7);
    CHECK(abort.taken_back);
    const auto scale = followed({.verb = Verb::scale, .replicas = 3}, first);
    CHECK(scale.replicas == 3u);
    CHECK_FALSE(scale.revision);
    const auto replace = followed({.verb = Verb::replace, .replica = 2}, first);
    CHECK(replace.replica == 2u);
    CHECK_FALSE(replace.revision);
    CHECK(followed({.verb = Verb::stop}, first).stop);
    // What became of these only their name tells: an undo may be an abort.
    const auto undo = followed({.verb = Verb::undo}, first);
    CHECK(undo.revision == 7);
    CHECK(undo.token.size() == 32);
    CHECK(abort.token.empty());
    first.revision = 0;
    CHECK_FALSE(followed({.verb = Verb::apply}, first).revision);
}

TEST_CASE("nobody who comes is status 3, and the caller's own time counts meanwhile") {
    const TemporaryDirectory directory;
    Succession* all = nullptr;
    const auto last = [&](int connection) {
        says(progress("accepted"))(connection);
        all->supervisor().die();
    };
    {
        Succession web(directory, {last});
        all = &web;
        const auto ran = run_verb(verb(Verb::reload, directory));
        CHECK(ran.status == 3);
        CHECK(has(ran.err, "the supervisor ended before the rollout did, and no other one came"));
    }
    const auto it_is_told = [&](Duration deadline) {
        Succession web(directory, {last});
        all = &web;
        auto options = verb(Verb::reload, directory);
        options.timeout = deadline;
        const auto ran = run_verb(options, long_patience);
        CHECK(ran.status == 6);
        return has(ran.err, "its supervisor has ended; the rollout goes on with the next");
    };
    CHECK(test::in_time(it_is_told));
}

TEST_CASE("a supervisor that takes the connection and says nothing counts as nobody") {
    const TemporaryDirectory directory;
    Succession web(directory, {says(progress("accepted")), FakeSupervisor::wait_for_end});
    const auto ran = run_verb(verb(Verb::reload, directory));
    CHECK(ran.status == 3);
    CHECK(has(ran.err, "no other one came"));
}

TEST_CASE("a supervisor with too many clients is asked again") {
    const TemporaryDirectory directory;
    Succession web(directory,
                   {says(progress("accepted")), refuses(wire::control_error::busy, "too many"),
                    says(progress("done", "complete"))});
    CHECK(run_verb(verb(Verb::reload, directory), long_patience).status == 0);
}

TEST_CASE("a stop has ended when the supervisor took its socket along") {
    const TemporaryDirectory directory;
    const auto path = directory.path() + "/web/control";
    Succession* all = nullptr;
    {
        Succession web(directory, {[&](int connection) {
                           says(progress("draining every worker"))(connection);
                           std::filesystem::remove(path);
                       }});
        auto options = verb(Verb::stop, directory);
        options.timeout = test::patience / 2; // that it is gone is not waited for to change
        const auto ran = run_verb(options, long_patience);
        CHECK(ran.status == 0);
        CHECK(has(ran.out, "web: the supervisor has ended"));
    }
    // One that was killed over it leaves the socket.
    Succession web(directory, {[&](int connection) {
                       says(progress("draining every worker"))(connection);
                       all->supervisor().die();
                   }});
    all = &web;
    const auto ran = run_verb(verb(Verb::stop, directory));
    CHECK(ran.status == 3);
    CHECK(has(ran.err, "the supervisor ended before the stop did"));
}

TEST_CASE("events go on behind the last one, without a gap and without a double") {
    const TemporaryDirectory directory;
    Succession web(directory,
                   {tells({event(5, "five"), event(6, "six")}), dies,
                    tells({event(6, "six"), event(7, "seven")}), tells({event(7, "seven")}, true)});
    auto options = verb(Verb::events, directory);
    options.follow = true;
    options.lines = 2;
    const auto ran = run_verb(options, long_patience);
    CHECK(ran.status == 0);
    CHECK(lines_of(ran.out) == 3);
    CHECK(has(ran.out, "  7     seven\n"));
    CHECK(ran.err == "svc: web: the supervisor has ended\n");
    CHECK(web.parameters<wire::EventsCall>(0).newest == 2u);
    CHECK(web.parameters<wire::EventsCall>(2).since == 5);
    CHECK_FALSE(web.parameters<wire::EventsCall>(2).newest);
    CHECK(web.parameters<wire::EventsCall>(3).since == 6);
}

TEST_CASE("events of a supervisor that counts anew are all printed") {
    const TemporaryDirectory directory;
    for (const auto& answer : {event(6, "another six"), event(1, "one")}) {
        Succession web(directory, {tells({event(5, "five"), event(6, "six")}),
                                   [&](int connection) {
                                       tells({answer})(connection);
                                       FakeSupervisor::wait_for_end(connection);
                                   },
                                   tells({event(1, "one"), event(2, "two")}, true)});
        auto options = verb(Verb::events, directory);
        options.follow = true;
        options.since = 4;
        const auto ran = run_verb(options, long_patience);
        CHECK(lines_of(ran.out) == 4);
        CHECK(has(ran.err,
                  "svc: web: another supervisor was started anew, and counts its events from 1\n"));
        CHECK(web.parameters<wire::EventsCall>(2).since == 0);
    }
}

TEST_CASE("a look is taken again when the supervisor dies over it, and a plain stream is not") {
    const TemporaryDirectory directory;
    wire::ServiceStatus status;
    status.service = "web";
    status.summary = "revision 1, 1/1 available";
    Succession web(directory, {dies, [&](int connection) {
                                   FakeSupervisor::reply(connection, to_json(status), false);
                               }});
    CHECK(has(run_verb(verb(Verb::status, directory), long_patience).out, "revision 1, 1/1"));
    const auto plain = run_verb(verb(Verb::events, directory), long_patience);
    CHECK(plain.status == 3);
    CHECK(has(plain.err, "hung up before it answered"));
}

TEST_CASE("a dead supervisor's socket is waited at for the next one") {
    const TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path() + "/web");
    { const auto dead = listen_at(directory.path() + "/web/control"); }
    const auto answer = [](int connection, const VarlinkCall&) {
        wire::ServiceStatus status;
        status.service = "web";
        FakeSupervisor::reply(connection, to_json(status), false);
    };
    const FakeSupervisor other(directory.path(), "api", answer);
    std::optional<FakeSupervisor> next;
    std::thread birth([&] {
        std::this_thread::sleep_for(100ms); // long enough to be met dead; no harm if not
        next.emplace(directory.path(), "web", answer);
    });
    // Without a name the other one must not be taken for the only one.
    const auto unnamed = run_verb(verb(Verb::history, directory, ""), long_patience);
    birth.join();
    CHECK(unnamed.status == 2);
    CHECK(has(unnamed.err, "name one of them: api, web"));

    next.reset();
    std::thread rebirth([&] {
        std::this_thread::sleep_for(100ms);
        next.emplace(directory.path(), "web", answer);
    });
    const auto named = run_verb(verb(Verb::status, directory), long_patience);
    rebirth.join();
    CHECK(named.status == 0);
}
