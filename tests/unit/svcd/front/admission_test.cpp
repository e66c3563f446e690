#include "admission_scene.h"

#include "wire/control.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
namespace asio = boost::asio;

namespace {

using Story = std::vector<std::string>;
using rollout::CauseKind;

} // namespace

TEST_CASE("an undo is made from the older revision, and neither loaded nor checked") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    auto answer = std::make_shared<std::optional<Admission>>();
    auto asking = [&scene, answer]() -> asio::awaitable<void> {
        AdmissionRequest request;
        request.cause = {CauseKind::undo, "", 0};
        request.older = 6;
        *answer = co_await scene.admissions.admit(std::move(request));
    };
    asio::co_spawn(scene.io, asking, asio::detached);
    run_until(scene.io, [&] { return answer->has_value(); });
    CHECK((*answer)->kind == Admission::Kind::revision);
    CHECK(scene.world.story == Story{"revive 6", "stage", "open", "request"});
}

TEST_CASE("a boot with a fallback that is refused leaves the door open") {
    Scene scene;
    scene.world.mistakes = {"web.toml:1:1: wrong"};
    auto answer = std::make_shared<std::optional<Admission>>();
    auto asking = [&scene, answer]() -> asio::awaitable<void> {
        AdmissionRequest request;
        request.cause = {CauseKind::boot, "", 0};
        request.has_fallback = true;
        *answer = co_await scene.admissions.admit(std::move(request));
    };
    asio::co_spawn(scene.io, asking, asio::detached);
    run_until(scene.io, [&] { return answer->has_value(); });
    CHECK((*answer)->kind == Admission::Kind::refused);
    scene.world.mistakes.clear();
    CHECK(scene.answered(CauseKind::reload).kind == Admission::Kind::revision);
}

TEST_CASE("a reload is loaded, checked, given listeners and requested, in that order") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    const auto admission = scene.answered(CauseKind::reload, "a");
    CHECK(admission.kind == Admission::Kind::revision);
    CHECK(admission.revision == 1);
    CHECK(scene.world.story == Story{"load a", "check", "stage", "open", "request"});
    auto second = scene.ask(CauseKind::reload, "b", true);
    CHECK(scene.world.story.back() == "supersede");
}

TEST_CASE("requests take their turns in the order of arrival") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    scene.world.check_hangs = true;
    auto first = scene.ask(CauseKind::reload, "a");
    auto second = scene.ask(CauseKind::reload, "b");
    auto third = scene.ask(CauseKind::reload, "c");
    CHECK(scene.admissions.waiting() == 2);
    CHECK(scene.world.story == Story{"load a", "check"});
    scene.world.check_hangs = false;
    scene.world.check_ends.expires_after(std::chrono::seconds(0));
    run_until(scene.io, [&] { return third->has_value(); });
    // The hour's wait of the first was cut short, which its check reports as a failure.
    CHECK(scene.world.story == Story{"load a", "check", "load b", "check", "stage", "open",
                                     "request", "load c", "check", "stage", "open", "request"});
    CHECK((*second)->revision == 1);
    CHECK((*third)->revision == 2);
}

TEST_CASE("a wrong file is refused with every mistake and touches nothing") {
    Scene scene;
    scene.world.mistakes = {"web.toml:1:1: a", "web.toml:2:1: b"};
    const auto admission = scene.answered(CauseKind::reload);
    CHECK(admission.kind == Admission::Kind::refused);
    CHECK(admission.error == wire::control_error::service_file);
    CHECK(admission.mistakes == scene.world.mistakes);
    CHECK(scene.world.story == Story{"load "});
}

TEST_CASE("a failed check refuses with its output, before any listener is opened") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    scene.world.check_result = {.succeeded = false, .how = "exit status 1", .output = {"line 3"}};
    const auto admission = scene.answered(CauseKind::reload);
    CHECK(admission.error == wire::control_error::refused);
    CHECK(admission.message.find("exit status 1") != std::string::npos);
    REQUIRE(admission.mistakes.size() == 1);
    CHECK(admission.mistakes[0].find("line 3") != std::string::npos);
    CHECK(scene.world.story == Story{"load ", "check"});
}

TEST_CASE("a listener that cannot be opened refuses with its reason") {
    Scene scene;
    scene.world.open_error = "cannot bind 0.0.0.0:80: Address already in use";
    const auto admission = scene.answered(CauseKind::reload);
    CHECK(admission.error == wire::control_error::refused);
    CHECK(admission.message.find("0.0.0.0:80") != std::string::npos);
    CHECK(scene.world.story == Story{"load ", "stage", "open"});
}

TEST_CASE("what an open socket cannot become is refused") {
    Scene scene;
    rollout::ListenerSpec http;
    http.name = "http";
    http.address.family = AddressFamily::ipv6;
    http.address.host = "::";
    http.address.port = 80;
    scene.world.file.spec.listeners = {http};
    CHECK(scene.answered(CauseKind::reload).kind == Admission::Kind::revision);
    scene.world.file.spec.listeners[0].options.v6only = false;
    const auto admission = scene.answered(CauseKind::reload);
    CHECK(admission.kind == Admission::Kind::refused);
    CHECK_FALSE(admission.mistakes.empty());
}

TEST_CASE("apply of unchanged files makes nothing, and names the revision that has it all") {
    Scene scene;
    CHECK(scene.answered(CauseKind::apply).kind == Admission::Kind::revision);
    const auto again = scene.answered(CauseKind::apply);
    CHECK(again.kind == Admission::Kind::unchanged);
    CHECK(again.revision == 1);
}

TEST_CASE("apply with only another number of replicas scales") {
    Scene scene;
    scene.answered(CauseKind::apply);
    scene.world.file.spec.rollout.replicas = 5;
    const auto scaled = scene.answered(CauseKind::apply);
    CHECK(scaled.kind == Admission::Kind::scaled);
    CHECK(scaled.replicas == 5);
    CHECK(scene.world.story.back() == "scale 5");
    CHECK(scene.answered(CauseKind::apply).kind == Admission::Kind::unchanged);
}

TEST_CASE("apply with a change makes a revision whose cause says what changed") {
    Scene scene;
    scene.answered(CauseKind::apply);
    scene.world.file.spec.stop.grace = std::chrono::seconds(3);
    const auto changed = scene.answered(CauseKind::apply);
    CHECK(changed.kind == Admission::Kind::revision);
    CHECK(changed.changed == std::vector<std::string>{"service file: stop.grace"});
    CHECK(scene.world.known.revisions.at(2).cause.text.find("stop.grace") != std::string::npos);
}

TEST_CASE("while the supervisor stops everything is refused, also what was being checked") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    scene.world.check_hangs = true;
    auto checking = scene.ask(CauseKind::reload, "a");
    auto waiting = scene.ask(CauseKind::reload, "b");
    scene.world.known.wanted = rollout::Wanted::stop;
    scene.admissions.stop();
    run_until(scene.io, [&] { return checking->has_value() && waiting->has_value(); });
    CHECK((*checking)->error == wire::control_error::stopping);
    CHECK((*waiting)->error == wire::control_error::stopping);
    CHECK(scene.world.story == Story{"load a", "check"});
}

TEST_CASE("what waits behind a refused boot is refused: the supervisor is about to end") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    scene.world.check_hangs = true;
    auto boot = scene.ask(CauseKind::boot);
    auto reload = scene.ask(CauseKind::reload, "a");
    scene.world.check_hangs = false;
    scene.world.check_ends.expires_after(std::chrono::seconds(0)); // a failure of the first check
    run_until(scene.io, [&] { return boot->has_value() && reload->has_value(); });
    CHECK((*boot)->error == wire::control_error::refused);
    CHECK((*reload)->error == wire::control_error::stopping);
    CHECK(scene.world.story == Story{"load ", "check"});
}

TEST_CASE("a stop that overtakes the request closes the listeners opened for it") {
    Scene scene;
    scene.world.stop_comes_first = true;
    const auto admission = scene.answered(CauseKind::reload, "a");
    CHECK(admission.error == wire::control_error::stopping);
    CHECK(scene.world.story == Story{"load a", "stage", "open", "request", "close"});
}

TEST_CASE("while rollouts are frozen every request for one is refused with the reason") {
    Scene scene;
    scene.world.known.current = 1;
    scene.world.known.frozen = "by uid 0: quarter end";
    for (const auto kind : {CauseKind::reload, CauseKind::apply, CauseKind::signal}) {
        const auto admission = scene.answered(kind, "a");
        CHECK(admission.kind == Admission::Kind::refused);
        CHECK(admission.error == wire::control_error::refused);
        CHECK(admission.message.find("rollouts are frozen by uid 0: quarter end") == 0);
    }
    CHECK(scene.world.story.empty());
}

TEST_CASE("an undo is refused while rollouts are frozen, and what a boot falls back to is not") {
    Scene scene;
    scene.world.known.frozen = "by uid 0: quarter end";
    const auto older = [&](CauseKind kind) {
        std::optional<Admission> answer;
        auto asking = [&]() -> asio::awaitable<void> {
            AdmissionRequest request;
            request.cause.kind = kind;
            request.older = 6;
            answer = co_await scene.admissions.admit(std::move(request));
        };
        asio::co_spawn(scene.io, asking, asio::detached);
        run_until(scene.io, [&] { return answer.has_value(); });
        return *answer;
    };
    CHECK(older(CauseKind::undo).message.find("rollouts are frozen by uid 0: quarter end") == 0);
    CHECK(scene.world.story.empty());
    CHECK(older(CauseKind::boot).kind == Admission::Kind::revision);
}

TEST_CASE("a freeze that comes while the check runs refuses what is checked") {
    Scene scene;
    scene.world.file.spec.process.check = {"web", "-t"};
    scene.world.check_hangs = true;
    auto answer = scene.ask(CauseKind::reload, "a");
    scene.world.known.frozen = "by uid 0: quarter end";
    scene.world.check_ends.cancel();
    run_until(scene.io, [&] { return answer->has_value(); });
    CHECK((*answer)->kind == Admission::Kind::refused);
    CHECK(scene.world.story == Story{"load a", "check"});
}

TEST_CASE("a stop ends the staging, and a freeze meanwhile refuses what was staged") {
    Scene scene;
    scene.world.stage_hangs = true;
    const auto answer = scene.ask(CauseKind::reload);
    CHECK_FALSE(answer->has_value());
    scene.world.known.wanted = rollout::Wanted::stop;
    scene.admissions.stop();
    run_until(scene.io, [&] { return answer->has_value(); });
    CHECK((*answer)->error == wire::control_error::stopping);
    CHECK(scene.world.story == Story{"load ", "stage"});
}

TEST_CASE("an undo to what the running rollout started from takes that rollout back") {
    const auto undo = [](Scene& scene, rollout::RevisionNumber older) {
        std::optional<Admission> answer;
        auto asking = [&]() -> asio::awaitable<void> {
            AdmissionRequest request;
            request.cause = {CauseKind::undo, "slow", 1000};
            request.older = older;
            answer = co_await scene.admissions.admit(std::move(request));
        };
        asio::co_spawn(scene.io, asking, asio::detached);
        run_until(scene.io, [&] { return answer.has_value(); });
        return *answer;
    };
    Scene scene;
    scene.world.known.current = 6;
    scene.world.known.rollout = rollout::Rollout{.from = 6, .to = 7};
    SUBCASE("named or not, paused or not, frozen or not") {
        scene.world.known.rollout->paused_at = Instant(std::chrono::seconds(1));
        scene.world.known.frozen = "by uid 0: quarter end";
        for (const rollout::RevisionNumber older : {0u, 6u}) {
            const Admission admission = undo(scene, older);
            CHECK(admission.kind == Admission::Kind::taken_back);
            CHECK(admission.revision == 7);
            CHECK(admission.note ==
                  "revision 6 still serves: the rollout of revision 7 is taken back");
        }
        CHECK(scene.world.story ==
              Story{"abort undone by uid 1000: slow", "abort undone by uid 1000: slow"});
    }
    SUBCASE("with what waits behind it") {
        scene.world.known.pending = 8;
        CHECK(undo(scene, 6).note ==
              "revision 6 still serves: the rollout of revision 7 is taken back; revision 8, which "
              "waited, is called off");
    }
    SUBCASE("to another one it is a rollout of its own") {
        CHECK(undo(scene, 5).kind == Admission::Kind::revision);
        CHECK(scene.world.story.back() == "request");
    }
    SUBCASE("the first rollout of all, and one that is rolled back, are not taken back") {
        scene.world.known.rollout->phase = rollout::RolloutPhase::rolling_back;
        CHECK(undo(scene, 6).kind == Admission::Kind::revision);
        scene.world.known.rollout = rollout::Rollout{.to = 7};
        CHECK(undo(scene, 0).kind == Admission::Kind::revision);
    }
}

TEST_CASE("a revision is reached in place only by workers that would be started alike") {
    Scene scene;
    auto& world = scene.world;
    world.file.spec.rollout.in_place.emplace();
    const auto reload = [&] {
        return world.known.revisions.at(scene.answered(CauseKind::reload).revision).in_place;
    };
    CHECK_FALSE(reload()); // nothing serves yet
    CHECK(reload());
    world.file.command.emplace_back("--verbose");
    CHECK_FALSE(reload());
    CHECK(reload());
    // Under way is one that would be started otherwise, and it may be what serves by then.
    rollout::Revision other = world.file;
    other.command.clear();
    world.known.revisions[99] = other;
    world.known.rollout.emplace().to = 99;
    CHECK_FALSE(reload());
}

TEST_CASE("a request that comes again under its token makes no second revision") {
    Scene scene;
    const auto ask = [&](const std::string& token) {
        auto answer = std::make_shared<Admission>();
        auto asking = [&scene, answer, token]() -> asio::awaitable<void> {
            AdmissionRequest request;
            request.cause = {rollout::CauseKind::reload, {}, 0};
            request.token = token;
            *answer = co_await scene.admissions.admit(std::move(request));
        };
        asio::co_spawn(scene.io, asking, asio::detached);
        settle(scene.io);
        return answer->revision;
    };
    CHECK(ask("a") == 1);
    CHECK(ask("a") == 1);
    CHECK(ask("b") == 2);
    // Known also where a new one would be refused.
    scene.world.known.frozen = "by uid 0";
    CHECK(ask("b") == 2);
    CHECK(ask("c") == 0);
    scene.world.known.frozen.reset();
    CHECK(ask("") == 3);
    CHECK(ask("") == 4);
}

TEST_CASE("an undo and a scale that come again under their names are not made twice") {
    Scene scene;
    const auto ask = [&](rollout::CauseKind kind, const std::string& token) {
        auto answer = std::make_shared<Admission>();
        auto asking = [&scene, answer, kind, token]() -> asio::awaitable<void> {
            AdmissionRequest request;
            request.cause = {kind, {}, 0};
            if (kind == rollout::CauseKind::undo)
                request.older = 0;
            request.token = token;
            *answer = co_await scene.admissions.admit(std::move(request));
        };
        asio::co_spawn(scene.io, asking, asio::detached);
        settle(scene.io);
        return *answer;
    };
    CHECK(ask(rollout::CauseKind::reload, "a").revision == 1);
    scene.world.file.spec.rollout.replicas = 5;
    CHECK(ask(rollout::CauseKind::apply, "b").kind == Admission::Kind::scaled);
    const auto again = ask(rollout::CauseKind::apply, "b");
    CHECK(again.kind == Admission::Kind::scaled);
    CHECK(again.replicas == 5);
    scene.world.known.next_revision = 8;
    scene.world.known.revisions[7].number = 7;
    scene.world.known.rollout = rollout::Rollout{.from = 1, .to = 7};
    CHECK(ask(rollout::CauseKind::undo, "c").kind == Admission::Kind::taken_back);
    scene.world.known.rollout.reset();
    const auto undone = ask(rollout::CauseKind::undo, "c");
    CHECK(undone.kind == Admission::Kind::taken_back);
    CHECK(undone.revision == 7);
}
