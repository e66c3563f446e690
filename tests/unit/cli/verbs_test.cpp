#include "svc/verbs/verbs.h"

#include "../patience.h"
#include "run_verb.h"
#include "svc/talk/client.h"
#include "svc/talk/services.h"
#include "wire/control.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sys/eventfd.h>

using namespace svc;
using namespace svc::cli;
using namespace svc::cli::testing;
using namespace std::chrono_literals;

TEST_CASE("a reload prints its progress and ends with its verdict") {
    const TemporaryDirectory directory;
    wire::VarlinkCall asked;
    const FakeSupervisor supervisor(directory.path(), "web", [&](int connection, auto& call) {
        asked = call;
        FakeSupervisor::reply(connection, to_json(progress("r7-0 is ready")), true);
        FakeSupervisor::reply(connection, to_json(progress("revision 7 is complete", "complete")),
                              false);
    });
    auto options = verb(Verb::reload, directory);
    options.cause = "CVE fix";
    options.wait_drained = false;
    const auto ran = run_verb(options);
    CHECK(ran.status == 0);
    CHECK(has(ran.out, "1/4 r7-0 is ready\n"));
    CHECK(has(ran.out, "web: revision 7 serves: 1 of 4 workers available, in "));
    CHECK(ran.err.empty());
    CHECK(asked.method == "io.svc.Supervisor.Reload");
    CHECK(asked.more);
    const auto call = wire::from_json<wire::ReloadCall>(asked.parameters);
    REQUIRE(call.ok());
    CHECK(call->cause == "CVE fix");
    CHECK_FALSE(call->wait_drained);
    CHECK(call->wait);
}

TEST_CASE("a rollout that was rolled back is status 1, with its reason on standard error") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        auto last = progress("revision 7 failed and was rolled back", "rolled back");
        last.available = 4;
        last.reason = "r7-0: exit status 1";
        last.last_output = {"KeyError"};
        FakeSupervisor::reply(connection, to_json(last), false);
    });
    const auto ran = run_verb(verb(Verb::reload, directory));
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "r7-0: exit status 1\n    | KeyError\nThe old revision serves on."));
}

TEST_CASE("with --json every reply is a line") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        FakeSupervisor::reply(connection, to_json(progress("one")), true);
        FakeSupervisor::reply(connection, to_json(progress("two", "complete")), false);
    });
    auto options = verb(Verb::apply, directory);
    options.json = true;
    const auto ran = run_verb(options);
    CHECK(ran.status == 0);
    CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 2);
    CHECK(ran.out.starts_with("{\"state\":\"progressing\""));
    CHECK(has(ran.out, "\"verdict\":\"complete\""));
}

TEST_CASE("errors of the supervisor have their exit statuses") {
    struct Case {
        std::string_view error;
        int status;
    };
    for (const auto& [error, status] :
         {Case{wire::control_error::not_permitted, 4}, Case{wire::control_error::service_file, 5},
          Case{wire::control_error::refused, 1}, Case{wire::control_error::stopping, 1},
          Case{wire::control_error::busy, 1}, Case{"org.varlink.service.MethodNotFound", 1}}) {
        CAPTURE(error);
        const TemporaryDirectory directory;
        const FakeSupervisor supervisor(
            directory.path(), "web", [name = std::string(error)](int connection, auto&) {
                const wire::Refusal refusal{"no \x1b[2J", {"web.toml:1:2: service.x: wrong"}};
                FakeSupervisor::reply(connection, to_json(refusal), false, name);
            });
        const auto ran = run_verb(verb(Verb::reload, directory));
        CHECK(ran.status == status);
        CHECK(ran.err.starts_with("svc: web: no ?[2J\nweb.toml:1:2: service.x: wrong\n"));
    }
}

TEST_CASE("waiting ends at --timeout with status 6 and says that the rollout goes on") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        FakeSupervisor::reply(connection, to_json(progress("one")), true);
        FakeSupervisor::wait_for_end(connection);
    });
    const auto it_goes_on = [&](Duration timeout) {
        auto options = verb(Verb::reload, directory);
        options.timeout = timeout;
        const auto ran = run_verb(options);
        CHECK(ran.status == 6);
        return has(ran.err, "not over after " + format_duration(timeout) +
                                ": the rollout goes on; `svc status web` shows it");
    };
    CHECK(test::in_time(it_goes_on));
}

TEST_CASE("a supervisor that does not answer at all is not said to go on") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        FakeSupervisor::wait_for_end(connection);
    });
    const auto it_was_asked = [&](Duration timeout) {
        auto options = verb(Verb::reload, directory);
        options.timeout = timeout;
        const auto ran = run_verb(options);
        CHECK(ran.status == 6);
        CHECK_FALSE(has(ran.err, "goes on"));
        return ran.err == "svc: web: not over after " + format_duration(timeout) +
                              ": the supervisor was asked and has not answered: "
                              "the rollout may or may not come; `svc status web` shows it\n";
    };
    CHECK(test::in_time(it_was_asked));
}

TEST_CASE("SIGINT ends the waiting with status 130, and what is known is said") {
    // The supervisor's thread inherits this: it must not be the one that the signal ends.
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        FakeSupervisor::reply(connection, to_json(progress("accepted")), true);
        ::kill(::getpid(), SIGINT);
        FakeSupervisor::wait_for_end(connection);
    });
    const auto ran = run_verb(verb(Verb::reload, directory));
    CHECK(ran.status == 130);
    CHECK(has(ran.err, "svc: web: interrupted: the rollout goes on"));
    const FakeSupervisor silent(directory.path(), "mute", [](int connection, auto&) {
        ::kill(::getpid(), SIGINT);
        FakeSupervisor::wait_for_end(connection);
    });
    auto asked = verb(Verb::reload, directory);
    asked.name = "mute";
    const auto unanswered = run_verb(asked);
    CHECK(unanswered.status == 130);
    CHECK(has(unanswered.err, "the supervisor was asked and has not answered"));
    CHECK_FALSE(has(unanswered.err, "goes on"));
}

TEST_CASE("what is no reply is an error, not a crash") {
    for (const std::string bytes : {"[]", "{\"parameters\":1}", "\xff", "{\"error\":\"x\"}"}) {
        CAPTURE(bytes);
        const TemporaryDirectory directory;
        const FakeSupervisor supervisor(directory.path(), "web", [&](int connection, auto&) {
            FakeSupervisor::say(connection, bytes + '\0');
        });
        for (const auto asked : {Verb::reload, Verb::status, Verb::events})
            CHECK(run_verb(verb(asked, directory)).status == 1);
    }
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        FakeSupervisor::reply(connection, {{"revision", "seven"}}, false);
    });
    for (const auto asked : {Verb::reload, Verb::status, Verb::events})
        CHECK(has(run_verb(verb(asked, directory)).err, "revision is not a whole number"));
}

TEST_CASE("no supervisor is status 3, and why is said") {
    const TemporaryDirectory directory;
    const auto absent = run_verb(verb(Verb::status, directory));
    CHECK(absent.status == 3);
    CHECK(has(absent.err, "no supervisor of web"));
    CHECK(has(absent.err, "systemctl start svcd@web"));
    std::filesystem::create_directory(directory.path() + "/web");
    { const auto dead = listen_at(directory.path() + "/web/control"); }
    const auto refused = run_verb(verb(Verb::reload, directory));
    CHECK(refused.status == 3);
    CHECK(has(refused.err, "what one that was killed left behind"));
    const auto unnamed = run_verb(verb(Verb::status, directory, ""));
    CHECK(unnamed.status == 3);
}

TEST_CASE("the name may be left out where one service runs, and only there") {
    const TemporaryDirectory directory;
    const auto status = [](int connection, const wire::VarlinkCall&) {
        wire::ServiceStatus answer;
        answer.service = "api";
        answer.summary = "revision 1, 1/1 available";
        FakeSupervisor::reply(connection, to_json(answer), false);
    };
    CHECK(has(run_verb(verb(Verb::status, directory, "")).err, "no service runs here"));
    const FakeSupervisor api(directory.path(), "api", status);
    CHECK(has(run_verb(verb(Verb::status, directory, "")).out, "api: revision 1, 1/1 available"));

    std::filesystem::create_directory(directory.path() + "/dead");
    { const auto dead = listen_at(directory.path() + "/dead/control"); }
    // Now it is all of them.
    for (const auto asked : {Verb::status, Verb::list}) {
        const auto all = run_verb(verb(asked, directory, ""));
        CHECK(all.status == 0);
        CHECK(has(all.out, "api      serves"));
        CHECK(has(all.out, "dead     not running"));
    }

    // What changes something wants one.
    const FakeSupervisor web(directory.path(), "web", status);
    const auto ran = run_verb(verb(Verb::reload, directory, ""));
    CHECK(ran.status == 2);
    CHECK(has(ran.err, "name one of them: api, web"));
}

TEST_CASE("a service that is not there suggests the near one") {
    const TemporaryDirectory directory;
    const FakeSupervisor api(directory.path(), "shop", [](int, const auto&) {});
    const auto ran = run_verb(verb(Verb::status, directory, "shpo"));
    CHECK(ran.status == 3);
    CHECK(has(ran.err, "did you mean shop?"));
}

TEST_CASE("without a name, JSON is an array, however many there are") {
    const TemporaryDirectory directory;
    Options options = verb(Verb::status, directory, "");
    options.json = true;
    const auto none = run_verb(options);
    CHECK(none.out == "[]\n");
    CHECK(none.status == 3);
    const FakeSupervisor api(directory.path(), "api", [](int connection, const auto&) {
        FakeSupervisor::reply(connection, to_json(wire::ServiceStatus{.service = "api"}), false);
    });
    CHECK(has(run_verb(options).out, "[{\"service\":\"api\",\"control\":\""));
    options.name = "api";
    CHECK(has(run_verb(options).out, "{\"service\":\"api\",\"summary\""));
}

TEST_CASE("a supervisor that hangs does not hold up the list of the others") {
    const TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path() + "/hung");
    const auto hung = listen_at(directory.path() + "/hung/control");
    const FakeSupervisor api(directory.path(), "api", [](int connection, const auto&) {
        FakeSupervisor::reply(connection, to_json(wire::ServiceStatus{.service = "api"}), false);
    });
    const auto ran = run_verb(verb(Verb::status, directory, ""));
    CHECK(has(ran.out, "api      serves"));
    CHECK(has(ran.out, "hung     does not answer"));
}

TEST_CASE("an older supervisor is asked for what it can tell") {
    const TemporaryDirectory directory;
    const auto old = [](int connection, const wire::VarlinkCall& call) {
        if (call.parameters.contains("usage")) {
            FakeSupervisor::reply(connection, {{"parameter", "usage"}}, false,
                                  "org.varlink.service.InvalidParameter");
            return;
        }
        FakeSupervisor::reply(connection, to_json(wire::ServiceStatus{.service = "api"}), false);
    };
    const FakeSupervisor api(directory.path(), "api", old);
    const FakeSupervisor web(directory.path(), "web", old);
    const auto ran = run_verb(verb(Verb::status, directory, ""));
    CHECK(has(ran.out, "api      serves"));
    CHECK(has(ran.out, "web      serves"));
}

TEST_CASE("events are printed until the stream ends") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto& call) {
        rollout::Event event;
        event.sequence = 5;
        event.text =
            "since " + std::to_string(wire::from_json<wire::EventsCall>(call.parameters)->since);
        FakeSupervisor::reply(connection, wire::to_json(event), true);
        FakeSupervisor::reply(connection, {}, false);
    });
    auto options = verb(Verb::events, directory);
    options.since = 4;
    const auto ran = run_verb(options);
    CHECK(ran.status == 0);
    CHECK(has(ran.out, "  5     since 4\n"));
    CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 1);
}

TEST_CASE("check prints every mistake with its place, and status 5") {
    const TemporaryDirectory directory;
    const auto path = directory.path() + "/web.toml";
    std::ofstream(path) << "[service]\ncommand = [\"/bin/true\"]\ncolour = 1\n[rollout]\n"
                           "replicas = -1\n";
    auto options = verb(Verb::check, directory, path);
    const auto wrong = run_verb(options);
    CHECK(wrong.status == 5);
    CHECK(has(wrong.err, path + ":3:"));
    CHECK(has(wrong.err, path + ":5:"));
    options.json = true;
    CHECK(has(run_verb(options).out, "\"mistakes\":[{\"line\":3"));

    std::ofstream(path) << "[service]\ncommand = [\"/bin/true\"]\n";
    options.json = false;
    const auto right = run_verb(options);
    CHECK(right.status == 0);
    CHECK(has(right.out, path + ": no mistakes\n"));
    CHECK(run_verb(verb(Verb::check, directory, "./missing.toml")).status == 5);
}

TEST_CASE("check of a running service reads that service's file") {
    const TemporaryDirectory directory;
    const auto path = directory.path() + "/web.toml";
    std::ofstream(path) << "[service]\ncommand = [\"/bin/true\"]\n";
    const FakeSupervisor supervisor(directory.path(), "web", [&](int connection, auto&) {
        wire::ServiceStatus answer;
        answer.service_file = path;
        FakeSupervisor::reply(connection, to_json(answer), false);
    });
    CHECK(has(run_verb(verb(Verb::check, directory)).out, path + ": no mistakes\n"));
}

TEST_CASE("a control socket is reached below a directory of any length") {
    const TemporaryDirectory directory;
    const auto deep = directory.path() + "/" + std::string(120, 'd');
    std::filesystem::create_directory(deep);
    // bind(2) by a short way to the same directory.
    std::filesystem::create_directory_symlink(deep, directory.path() + "/s");
    const FakeSupervisor supervisor(directory.path() + "/s", "web", [](int connection, auto&) {
        FakeSupervisor::reply(connection, to_json(wire::ServiceStatus{}), false);
    });
    CHECK(Client::connect(deep + "/web/control", "web").ok());
}

TEST_CASE("a client's waits end at the deadline and when interrupted") {
    const TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path() + "/web");
    const auto listener = listen_at(directory.path() + "/web/control");
    const UniqueFd interrupt(::eventfd(0, EFD_CLOEXEC));
    auto client = Client::connect(directory.path() + "/web/control", "web", interrupt.get());
    REQUIRE(client.ok());
    CHECK(client->receive(Instant{}).error().code == ETIMEDOUT);
    const std::uint64_t one = 1;
    REQUIRE(::write(interrupt.get(), &one, sizeof one) == sizeof one);
    CHECK(client->receive(std::nullopt).error().code == EINTR);
}
