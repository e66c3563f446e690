// Follow and Upgrade: what a caller asks whose supervisor was replaced, or is to be.
#include "methods_scene.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test_methods;

namespace {

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("who follows a revision gets its verdict, and may be anyone") {
    Scene scene;
    scene.backend.begin(7);
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Follow", {{"revision", 7}});
    REQUIRE(looker.replies.size() == 1);
    CHECK(looker.replies[0].continues);
    CHECK(looker.last("state") == "progressing");
    CHECK(looker.last("text").empty());
    scene.backend.happens(rollout::EventKind::worker_ready, "r7-0 is ready");
    test::settle(scene.io);
    CHECK(looker.last("text") == "r7-0 is ready");
    scene.backend.end(7, Verdict::rolled_back, "r7-0: exit status 1");
    test::settle(scene.io);
    CHECK(looker.answered());
    CHECK(looker.last("verdict") == "rolled back");
    CHECK(looker.last("reason") == "r7-0: exit status 1");
}

TEST_CASE("a verdict that is known is told at once") {
    Scene scene;
    scene.backend.begin(7);
    scene.backend.end(7, Verdict::superseded, "newer", 8);
    scene.backend.begin(8);
    scene.backend.end(8, Verdict::complete);
    auto& quiet = scene.call("Follow", {{"revision", 7}}, false);
    REQUIRE(quiet.replies.size() == 1);
    CHECK(quiet.last("verdict") == "complete");
    CHECK(quiet.replies[0].parameters.at("revision").to_number<int>() == 8);
    // Of the serving one it is known for as long as it serves.
    scene.backend.known.outcomes.clear();
    CHECK(scene.call("Follow", {{"revision", 8}}).last("verdict") == "complete");
}

TEST_CASE("one that waits for its turn can be followed, and old workers are waited for") {
    Scene scene;
    scene.backend.begin(7);
    scene.backend.known.pending = 8;
    scene.backend.known.next_revision = 9;
    auto& caller = scene.call("Follow", {{"revision", 8}});
    CHECK(caller.last("state") == "pending");
    auto& hasty = scene.call("Follow", {{"revision", 8}, {"wait_drained", false}});
    scene.backend.worker(1, 7, rollout::WorkerPhase::stopping);
    scene.backend.known.pending = 0;
    scene.backend.end(7, Verdict::complete);
    scene.backend.begin(8);
    scene.backend.end(8, Verdict::complete);
    test::settle(scene.io);
    CHECK(hasty.last("verdict") == "complete");
    CHECK(caller.last("state") == "draining");
    scene.backend.known.workers.clear();
    scene.backend.happens(rollout::EventKind::worker_exited, "ended");
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "complete");
}

TEST_CASE("what nobody knows cannot be followed") {
    Scene scene;
    scene.backend.known.next_revision = 9;
    scene.backend.known.current = 8;
    for (const int revision : {0, 9}) {
        auto& caller = scene.call("Follow", {{"revision", revision}});
        CHECK(caller.replies.back().error == wire::control_error::refused);
        CHECK(has(caller.last("message"), "there is no revision"));
    }
    auto& caller = scene.call("Follow", {{"revision", 7}});
    CHECK(caller.replies.back().error == wire::control_error::refused);
    CHECK(has(caller.last("message"), "nothing is known of the rollout of revision 7"));
    CHECK(has(scene.call("Follow", {{"stop", true}}).last("message"), "not stopping"));
    CHECK(scene.call("Follow").last("parameter") == "one of revision, replicas, replica and stop");
    CHECK(scene.call("Follow", {{"revision", 8}, {"stop", true}}).replies.back().error ==
          "org.varlink.service.InvalidParameter");
}

TEST_CASE("the name of a request says what it came to") {
    Scene scene;
    scene.backend.known.current = 6;
    scene.backend.begin(7);
    Admission admission;
    admission.revision = 7;
    admission.kind = Admission::Kind::revision;
    scene.backend.requests_known["reload"] = admission;
    admission.kind = Admission::Kind::taken_back;
    scene.backend.requests_known["undo"] = admission;
    admission.kind = Admission::Kind::scaled;
    admission.replicas = 0;
    scene.backend.requests_known["apply"] = admission;
    auto& reload = scene.call("Follow", {{"token", "reload"}});
    auto& undo = scene.call("Follow", {{"token", "undo"}, {"revision", 7}});
    CHECK(scene.call("Follow", {{"token", "apply"}}).last("verdict") == "scaled");
    auto& forgotten = scene.call("Follow", {{"token", "older"}, {"revision", 7}});
    CHECK(has(scene.call("Follow", {{"token", "older"}}).last("message"),
              "nothing is known of this request"));
    scene.backend.end(7, Verdict::rolled_back, "undone by uid 0");
    test::settle(scene.io);
    CHECK(reload.last("verdict") == "rolled back");
    CHECK(undo.last("verdict") == "taken back");
    CHECK(forgotten.last("verdict") == "rolled back");
}

TEST_CASE("an abort is followed to its own good end") {
    Scene scene;
    scene.backend.known.current = 6;
    scene.backend.begin(7);
    auto& aborter = scene.call("Follow", {{"revision", 7}, {"taken_back", true}});
    auto& other = scene.call("Follow", {{"revision", 7}});
    scene.backend.end(7, Verdict::rolled_back, "aborted by uid 0");
    test::settle(scene.io);
    CHECK(aborter.last("verdict") == "taken back");
    CHECK(other.last("verdict") == "rolled back");
}

TEST_CASE("a scale, a replacement and a stop are followed by what the state says") {
    Scene scene;
    scene.backend.known.current = 6;
    scene.backend.known.replicas = 1;
    auto& old = scene.backend.worker(1, 6, rollout::WorkerPhase::draining);
    old.stale = "asked for by uid 0";
    auto& scaler = scene.call("Follow", {{"replicas", 1}});
    auto& replacer = scene.call("Follow", {{"replica", 0}});
    CHECK_FALSE(scaler.answered());
    CHECK_FALSE(replacer.answered());
    scene.backend.known.workers.clear();
    scene.backend.worker(2, 6, rollout::WorkerPhase::available);
    scene.backend.happens(rollout::EventKind::worker_available, "available");
    test::settle(scene.io);
    CHECK(scaler.last("verdict") == "scaled");
    CHECK(replacer.last("verdict") == "replaced");
    scene.backend.known.wanted = rollout::Wanted::stop;
    auto& stopper = scene.call("Follow", {{"stop", true}});
    CHECK(stopper.last("state") == "draining");
    scene.backend.known.workers.clear();
    scene.backend.ended = true;
    scene.backend.log.wake_all();
    test::settle(scene.io);
    CHECK(stopper.last("verdict") == "stopped");
}

TEST_CASE("an upgrade is for who may change things, and answers with the generation or a reason") {
    Scene scene;
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Upgrade");
    CHECK(looker.replies.at(0).error == wire::control_error::not_permitted);
    CHECK(scene.call("Upgrade", {{"now", true}}).last("parameter") == "now");
    CHECK(scene.backend.upgrades == 0);
    auto& caller = scene.call("Upgrade", {}, false);
    CHECK(scene.backend.upgrades == 1);
    REQUIRE(caller.answered());
    CHECK(caller.replies[0].parameters.at("generation").to_number<int>() == 3);
    scene.backend.upgrade_error = "the new program cannot go on";
    auto& refused = scene.call("Upgrade", {}, false);
    CHECK(refused.replies[0].error == wire::control_error::refused);
    CHECK(refused.last("message") == "the new program cannot go on");
}

TEST_CASE("the name of a request reaches its admission, and a long one is refused") {
    Scene scene;
    scene.accepts(7);
    scene.call("Reload", {{"token", "abc"}});
    CHECK(scene.backend.asked.at(0).token == "abc");
    scene.call("Undo", {{"token", "def"}});
    CHECK(scene.backend.asked.at(1).token == "def");
    for (const std::string method : {"Reload", "Undo"})
        CHECK(scene.call(method, {{"token", std::string(65, 'x')}}).last("parameter") == "token");
    CHECK(scene.backend.asked.size() == 2);
}

TEST_CASE("events that are counted anew are all told to who has a larger number") {
    Scene scene;
    scene.backend.happens(rollout::EventKind::warning, "one");
    scene.backend.happens(rollout::EventKind::warning, "two");
    auto& caller = scene.call("Events", {{"since", 500}, {"follow", false}});
    REQUIRE(caller.replies.size() == 3);
    CHECK(caller.replies[0].parameters.at("text") == "one");
    CHECK(scene.call("Events", {{"since", 2}, {"follow", false}}).replies.size() == 1);
}
