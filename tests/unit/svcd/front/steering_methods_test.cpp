// Pause, Resume, Abort, Promote, Replace, Freeze and Unfreeze, and who waits while they are used.
#include "methods_scene.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test_methods;

namespace {

/// A rollout of revision 7 over 6, and what the control methods need to know of both.
struct RollingScene : Scene {
    RollingScene() {
        backend.known.current = 6;
        backend.known.replicas = 2;
        for (const rollout::RevisionNumber number : {6, 7})
            backend.known.revisions[number].number = number;
        backend.begin(7);
    }
    rollout::RolloutSpec& spec() { return backend.known.revisions.at(7).spec.rollout; }
    void hold_at_first_step() {
        spec().strategy = rollout::Strategy::canary;
        spec().stages = {rollout::RolloutStage{rollout::Share{1, false}, std::nullopt}};
        backend.known.rollout->stage_reached = Instant{};
    }
    std::string refusal(const std::string& method, boost::json::object parameters = {}) {
        auto& caller = call(method, std::move(parameters));
        CHECK(caller.replies.back().error == wire::control_error::refused);
        return caller.last("message");
    }
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("who may only look steers nothing") {
    RollingScene scene;
    for (const std::string method :
         {"Pause", "Resume", "Abort", "Promote", "Replace", "Freeze", "Unfreeze"}) {
        auto& looker = scene.caller();
        looker.privileged = false;
        boost::json::object parameters;
        if (method == "Replace")
            parameters["replica"] = 0;
        scene.call_as(looker, method, std::move(parameters));
        CHECK(looker.replies.at(0).error == wire::control_error::not_permitted);
    }
    CHECK(scene.backend.requests.empty());
}

TEST_CASE("a pause says who asked and why, and is refused where it makes no sense") {
    RollingScene scene;
    auto& caller = scene.call("Pause", {{"reason", "lunch"}});
    CHECK(caller.last("verdict") == "accepted");
    CHECK(scene.backend.known.rollout->pause_reason == "asked for by uid 0: lunch");
    CHECK(has(scene.refusal("Pause"), "is paused already: asked for by uid 0: lunch"));
    scene.backend.known.rollout->paused_at.reset();
    scene.spec().strategy = rollout::Strategy::recreate;
    CHECK(has(scene.refusal("Pause"), "nobody would serve; `svc abort` brings them back"));
    scene.backend.known.rollout->from = 0;
    CHECK(has(scene.refusal("Pause"), "the first rollout cannot be paused"));
    CHECK(has(scene.refusal("Abort"), "the first rollout cannot be aborted"));
    scene.backend.known.rollout->phase = rollout::RolloutPhase::rolling_back;
    CHECK(has(scene.refusal("Pause"), "revision 7 is being rolled back already"));
    scene.backend.known.rollout.reset();
    for (const std::string method : {"Pause", "Resume", "Abort", "Promote"})
        CHECK(has(scene.refusal(method), "no rollout is under way"));
}

TEST_CASE("a resume goes on waiting for the verdict, unless it is not to") {
    RollingScene scene;
    CHECK(has(scene.refusal("Resume"), "the rollout of revision 7 is not paused"));
    scene.call("Pause");
    CHECK(scene.call("Resume", {{"wait", false}}).last("verdict") == "accepted");
    scene.call("Pause");
    auto& caller = scene.call("Resume");
    CHECK_FALSE(caller.answered());
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "complete");
}

TEST_CASE("an abort is done when what was before serves again") {
    RollingScene scene;
    scene.backend.known.revisions[8].number = 8;
    scene.backend.known.pending = 8;
    auto& caller = scene.call("Abort", {{"reason", "wrong one"}});
    CHECK(caller.replies.at(0).parameters.at("text").as_string() ==
          "the rollout of revision 7 is taken back; revision 8, which "
          "waited, is called off");
    CHECK_FALSE(caller.answered());
    const std::string reason = scene.backend.known.rollout->abort_reason;
    CHECK(reason == "aborted by uid 0: wrong one");
    scene.backend.end(7, Verdict::rolled_back, reason);
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "taken back");
    CHECK(caller.last("text") == "revision 7 was taken back; revision 6 serves on");
}

TEST_CASE("who waits for a rollout that somebody aborts gets that as its failure") {
    RollingScene scene;
    scene.accepts(7);
    scene.backend.known.rollout->from = 6;
    auto& caller = scene.call("Reload");
    scene.call("Abort");
    scene.backend.end(7, Verdict::rolled_back, "undone by uid 0"); // svc undo says it so
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "rolled back");
    CHECK(caller.last("text") == "revision 7 was taken back");
}

TEST_CASE("who waits behind a rollout that is aborted is told at once, and not at the end of all") {
    RollingScene scene;
    scene.backend.admission.kind = Admission::Kind::revision;
    scene.backend.admission.revision = 8;
    scene.backend.known.revisions[8].number = 8;
    scene.backend.known.pending = 8;
    auto& caller = scene.call("Reload");
    CHECK(caller.last("state") == "pending");
    scene.call("Abort");
    test::settle(scene.io);
    CHECK(caller.answered());
    CHECK(caller.last("verdict") == "aborted");
    CHECK(caller.last("reason") == "aborted by uid 0");
}

TEST_CASE("only what is held is promoted") {
    RollingScene scene;
    CHECK(has(scene.refusal("Promote"), "is held by nothing that could be promoted"));
    scene.hold_at_first_step();
    scene.backend.known.rollout->stage_reached.reset();
    CHECK(has(scene.refusal("Promote"), "too early to promote: canary: step 1 of 1"));
    scene.backend.known.rollout->stage_reached = Instant{};
    scene.call("Pause", {{"reason", "lunch"}});
    CHECK(has(scene.refusal("Promote"), "(asked for by uid 0: lunch); `svc resume` it first"));
    scene.call("Resume", {{"wait", false}});
    CHECK(has(scene.refusal("Resume"), "it waits for `svc promote`"));
    scene.backend.known.rollout->analysis = rollout::HookProgress::running;
    CHECK(has(scene.refusal("Promote"), "its analysis runs"));
    scene.backend.known.rollout->analysis = rollout::HookProgress::due;
    auto& caller = scene.call("Promote");
    CHECK(scene.backend.known.rollout->promoted);
    CHECK_FALSE(caller.answered());
    CHECK(has(scene.refusal("Promote"), "promoted already"));
}

TEST_CASE(
    "a rollout that is paused because it failed is a verdict; one that a person paused is not") {
    RollingScene scene;
    scene.accepts(7);
    scene.backend.known.rollout->from = 6;
    auto& caller = scene.call("Reload");
    scene.call("Pause", {{"reason", "lunch"}});
    test::settle(scene.io);
    CHECK_FALSE(caller.answered());
    CHECK(caller.last("state") == "paused");
    CHECK(has(caller.last("text"), "is paused: asked for by uid 0: lunch"));
    scene.backend.happens(rollout::EventKind::worker_exited, "r6-0: exit status 0");
    test::settle(scene.io);
    CHECK(has(caller.last("text"), "is paused: asked for by uid 0: lunch"));
    auto& known = *scene.backend.known.rollout;
    known.pause_reason = known.failure = "r7-0: exit status 1 before it was ready";
    known.last_output = {"no database"};
    scene.backend.happens(rollout::EventKind::rollout_paused, known.failure);
    test::settle(scene.io);
    CHECK(caller.answered());
    CHECK(caller.last("verdict") == "paused");
    CHECK(caller.last("reason") == "r7-0: exit status 1 before it was ready");
    CHECK(caller.replies.back().parameters.at("last_output").as_array().size() == 1);
}

TEST_CASE("a caller whose rollout is held is told what it waits for") {
    RollingScene scene;
    scene.accepts(7);
    scene.backend.known.rollout->from = 6;
    auto& caller = scene.call("Reload");
    scene.hold_at_first_step();
    scene.backend.happens(rollout::EventKind::worker_exited, "r6-0: exit status 0");
    test::settle(scene.io);
    CHECK(caller.last("state") == "held");
    CHECK(caller.last("text") == "the rollout of revision 7 waits for `svc promote`");
}

TEST_CASE("a reload that supersedes at once says so") {
    RollingScene scene;
    scene.accepts(8);
    scene.backend.known.outcomes.push_back(
        {.revision = 7, .verdict = Verdict::superseded, .successor = 8});
    CHECK(scene.call("Reload", {{"wait", false}}).last("text") ==
          "revision 8 is accepted and supersedes revision 7");
}

TEST_CASE("reload without min_ready asks for that") {
    Scene scene;
    scene.accepts(7);
    scene.call("Reload", {{"immediate", true}, {"wait", false}});
    CHECK(scene.backend.asked.at(0).immediate);
}

TEST_CASE("a replacement is over when the new worker is available and the old one gone") {
    RollingScene scene;
    CHECK(scene.call("Replace").last("parameter") == "replica");
    CHECK(
        has(scene.refusal("Replace", {{"replica", 0}}), "the rollout of revision 7 is under way"));
    scene.backend.known.rollout.reset();
    CHECK(has(scene.refusal("Replace", {{"replica", 2}}), "no replica 2; they are 0 to 1"));
    CHECK(has(scene.refusal("Replace", {{"replica", 1}}), "replica 1 has no worker"));
    scene.backend.worker(1, 6, rollout::WorkerPhase::available);
    auto& caller = scene.call("Replace", {{"replica", 0}});
    CHECK(scene.backend.known.workers.at(1).stale == "asked for by uid 0");
    CHECK(has(scene.refusal("Replace", {{"replica", 0}}), "is being replaced already"));
    scene.backend.worker(2, 6, rollout::WorkerPhase::available).name = "r6-0.1";
    scene.backend.happens(rollout::EventKind::worker_available, "is available");
    test::settle(scene.io);
    CHECK_FALSE(caller.answered()); // the old one is still there
    scene.backend.known.workers.erase(1);
    scene.backend.happens(rollout::EventKind::worker_exited, "exit status 0");
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "replaced");
    CHECK(caller.last("text") == "the worker of replica 0 is replaced by r6-0.1");
}

TEST_CASE("a replacement that a rollout overtakes has failed") {
    RollingScene scene;
    scene.backend.known.rollout.reset();
    scene.backend.worker(1, 6, rollout::WorkerPhase::available);
    auto& caller = scene.call("Replace", {{"replica", 0}});
    scene.backend.begin(7);
    scene.backend.happens(rollout::EventKind::rollout_started, "started");
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "failed");
    CHECK(has(caller.last("reason"), "a rollout has begun"));
}

TEST_CASE("a freeze has a reason with its asker, and is not put over another one") {
    RollingScene scene;
    CHECK(scene.call("Freeze").last("parameter") == "reason");
    CHECK(has(scene.refusal("Unfreeze"), "rollouts are not frozen"));
    CHECK(has(scene.call("Freeze", {{"reason", "quarter end"}}).last("text"),
              "the rollout of revision 7, which is under way, goes on"));
    CHECK(scene.backend.known.frozen == "by uid 0: quarter end");
    CHECK(has(scene.refusal("Freeze", {{"reason", "mine"}}), "already, by uid 0: quarter end"));
    CHECK(scene.call("Unfreeze").last("verdict") == "accepted");
    CHECK_FALSE(scene.backend.known.frozen);
    scene.backend.known.wanted = rollout::Wanted::stop;
    CHECK(scene.call("Freeze", {{"reason", "x"}}).replies.back().error ==
          wire::control_error::stopping);
}

TEST_CASE("an old set that is kept warm holds up neither a reload's end nor a scale") {
    RollingScene scene;
    scene.accepts(7);
    scene.backend.worker(1, 6, rollout::WorkerPhase::available);
    scene.backend.worker(2, 7, rollout::WorkerPhase::available);
    auto& caller = scene.call("Reload");
    scene.backend.known.kept = 6;
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "complete");
    CHECK(scene.call("Scale", {{"replicas", 1}}).last("verdict") == "scaled");
}
