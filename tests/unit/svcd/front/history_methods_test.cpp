// The control methods about older revisions.
#include "methods_scene.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test_methods;

TEST_CASE("an undo is an admission from the older revision, for who may change things") {
    Scene scene;
    scene.backend.admission.kind = Admission::Kind::refused;
    scene.backend.admission.error = wire::control_error::refused;
    scene.call("Undo", {{"to", 6}, {"cause", "slow"}, {"supersede", true}, {"immediate", true}});
    REQUIRE(scene.backend.asked.size() == 1);
    CHECK(scene.backend.asked[0].older == 6);
    CHECK(scene.backend.asked[0].cause.kind == rollout::CauseKind::undo);
    CHECK(scene.backend.asked[0].cause.text == "slow");
    CHECK(scene.backend.asked[0].supersede);
    CHECK(scene.backend.asked[0].immediate);
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Undo", {}, true);
    CHECK(looker.replies.back().error == wire::control_error::not_permitted);
    CHECK(scene.backend.asked.size() == 1);
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
    scene.call_as(looker, "Diff", {{"from", 5}, {"to", 6}}, false);
    CHECK(looker.replies.back().parameters.at("lines").as_array().size() == 1);
}
