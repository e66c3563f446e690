// The control methods about older revisions.
#include "methods_scene.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test_methods;

TEST_CASE("an undo is an admission from the older revision, for who may change things") {
    Scene scene;
    scene.backend.admission.kind = Admission::Kind::refused;
    scene.backend.admission.error = wire::control_error::refused;
    scene.call(
        "Undo",
        {{"to", 6}, {"cause", "slow"}, {"supersede", true}, {"immediate", true}, {"force", true}});
    REQUIRE(scene.backend.asked.size() == 1);
    CHECK(scene.backend.asked[0].older == 6);
    CHECK(scene.backend.asked[0].cause.kind == rollout::CauseKind::undo);
    CHECK(scene.backend.asked[0].cause.text == "slow");
    CHECK(scene.backend.asked[0].supersede);
    CHECK(scene.backend.asked[0].immediate);
    CHECK(scene.backend.asked[0].as_it_is_now);
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Undo", {}, true);
    CHECK(looker.replies.back().error == wire::control_error::not_permitted);
    CHECK(scene.backend.asked.size() == 1);
}

TEST_CASE(
    "an undo that takes the running rollout back is done when the old revision serves again") {
    for (const bool wait : {true, false}) {
        Scene scene;
        scene.backend.known.current = 6;
        scene.backend.known.revisions[6].number = 6;
        scene.backend.known.revisions[7].number = 7;
        scene.backend.known.rollout = rollout::Rollout{.from = 6, .to = 7};
        scene.backend.admission.kind = Admission::Kind::taken_back;
        scene.backend.admission.revision = 7;
        scene.backend.admission.note =
            "revision 6 still serves: the rollout of revision 7 is taken back";
        auto& caller = scene.call("Undo", {{"wait", wait}});
        CHECK(caller.replies.at(0).parameters.at("text").as_string() ==
              "revision 6 still serves: the rollout of revision 7 is taken back");
        CHECK(caller.answered() != wait);
        if (!wait)
            continue;
        scene.backend.end(7, Verdict::rolled_back, "undone by uid 0");
        test::settle(scene.io);
        CHECK(caller.last("verdict") == "taken back");
        CHECK(caller.last("text") == "revision 7 was taken back; revision 6 serves on");
    }
}

TEST_CASE("whoever may look sees the history, but not the text of the service file") {
    Scene scene;
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "History", {}, false);
    CHECK(looker.replies.back().parameters.at("revisions").as_array().size() == 1);
    scene.call_as(looker, "Revision", {{"revision", 6}}, false);
    CHECK(looker.last("service_file").empty());
    CHECK(scene.call("Revision", {{"revision", 6}}, false).last("service_file") == "[service]");
    CHECK(scene.call("Revision", {{"revision", 9}}, false).last("message") ==
          "revision 9 is not kept");
    scene.call_as(looker, "Timeline", {{"revision", 6}}, false);
    CHECK(looker.replies.back().parameters.at("revision").as_int64() == 6);
    CHECK(scene.call("Timeline", {{"revision", 9}}, false).last("message") ==
          "revision 9 has no timeline");
}

TEST_CASE("values of the service file are in a diff only for who may change the service") {
    Scene scene;
    const auto values_of = [](const FakeCaller& caller, std::size_t index) {
        const auto& one = caller.replies.back().parameters.at("differences").as_array().at(index);
        return std::string(one.at("before").as_string()) + " " +
               one.at("after").as_string().c_str();
    };
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Diff", {{"from", 5}, {"to", 6}}, false);
    CHECK(values_of(looker, 0) == "1 byte 2 bytes");
    CHECK(values_of(looker, 1) == " ");
    CHECK(values_of(scene.call("Diff", {{"from", 5}, {"to", 6}}, false), 1) == "not set 5");
}

TEST_CASE(
    "a diff without revisions is that of what serves and the file, for who may change things") {
    Scene scene;
    scene.backend.known.current = 6;
    scene.backend.known.revisions[6].number = 6;
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Diff", {}, false);
    CHECK(looker.replies.back().error == wire::control_error::not_permitted);
    const auto& found = scene.call("Diff", {}, false).replies.back().parameters;
    CHECK(found.at("from") == 6);
    CHECK(found.at("to") == 0);
    CHECK(found.at("differences").as_array().at(0).at("what") == "service file: service.nice");
    scene.backend.file_mistakes = {"web.toml:1:1: wrong"};
    const auto& refused = scene.call("Diff", {}, false).replies.back();
    CHECK(refused.error == wire::control_error::service_file);
    CHECK(refused.parameters.at("mistakes").as_array().size() == 1);
}
