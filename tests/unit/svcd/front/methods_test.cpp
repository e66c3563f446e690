// The control methods and their waiting callers.
#include "methods_scene.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test_methods;

TEST_CASE("a verdict is told when it is recorded, and not before") {
    Scene scene;
    scene.accepts(7);
    auto& caller = scene.call("Reload");
    scene.backend.recorded = false;
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK_FALSE(caller.answered());
    scene.backend.recorded = true;
    scene.backend.log.wake_all();
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "complete");
}

TEST_CASE("an unknown interface, method or parameter is named") {
    Scene scene;
    CHECK(scene.call("org.example.Do").last("interface") == "org.example");
    CHECK(scene.call("Explode").replies[0].error == "org.varlink.service.MethodNotFound");
    CHECK(scene.call("Reload", {{"force", true}}).replies[0].error ==
          "org.varlink.service.InvalidParameter");
    CHECK(scene.call("Status", {{"x", 1}}).last("parameter") == "x is not known");
    CHECK(scene.call("Scale").last("parameter") == "replicas");
    CHECK(scene.call("nothing.").replies[0].error == "org.varlink.service.InterfaceNotFound");
}

TEST_CASE("a client can ask what there is to ask") {
    Scene scene;
    CHECK(scene.call("org.varlink.service.GetInfo").last("product") == "svcd");
    CHECK(scene
              .call("org.varlink.service.GetInterfaceDescription",
                    {{"interface", "io.svc.Supervisor"}})
              .last("description")
              .find("method Reload") != std::string::npos);
    CHECK(scene.call("org.varlink.service.GetInterfaceDescription", {{"interface", "x.y"}})
              .last("interface") == "x.y");
}

TEST_CASE("who may only look can, and changes nothing") {
    Scene scene;
    for (const std::string method : {"Reload", "Apply", "Stop"}) {
        auto& looker = scene.caller();
        looker.privileged = false;
        scene.call_as(looker, method);
        CHECK(looker.replies.at(0).error == wire::control_error::not_permitted);
    }
    auto& looker = scene.caller();
    looker.privileged = false;
    scene.call_as(looker, "Scale", {{"replicas", 1}});
    CHECK(looker.replies.back().error == wire::control_error::not_permitted);
    scene.call_as(looker, "Status");
    CHECK(looker.last("service") == "web");
    CHECK(scene.backend.asked.empty());
    CHECK(scene.backend.known.wanted == rollout::Wanted::run);
}

TEST_CASE("two clients that wait for one rollout both get the verdict, one with progress") {
    Scene scene;
    scene.accepts(7);
    auto& talkative = scene.call("Reload", {{"cause", "fix"}});
    auto& quiet = scene.call("Reload", {}, false);
    CHECK(scene.backend.asked.at(0).cause.text == "fix");
    scene.backend.happens(rollout::EventKind::worker_ready, "r7-0 is ready");
    test::settle(scene.io);
    CHECK(talkative.last("text") == "r7-0 is ready");
    CHECK(quiet.replies.empty());
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(talkative.answered());
    CHECK(talkative.last("verdict") == "complete");
    REQUIRE(quiet.replies.size() == 1);
    CHECK(quiet.last("verdict") == "complete");
}

TEST_CASE("a rolled back rollout is told with its reason and the worker's last words") {
    Scene scene;
    scene.accepts(7);
    auto& caller = scene.call("Reload");
    scene.backend.end(7, Verdict::rolled_back, "r7-0: exit status 1 before it was ready");
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "rolled back");
    CHECK(caller.last("reason") == "r7-0: exit status 1 before it was ready");
    CHECK(caller.replies.back().parameters.at("last_output").as_array().size() == 1);
}

TEST_CASE("a superseded caller is told, and gets the verdict of what superseded it") {
    Scene scene;
    scene.accepts(7);
    auto& caller = scene.call("Reload");
    scene.backend.end(7, Verdict::superseded, "newer", 8);
    scene.backend.begin(8);
    test::settle(scene.io);
    CHECK_FALSE(caller.answered());
    CHECK(caller.last("text").find("superseded by revision 8") != std::string::npos);
    scene.backend.end(8, Verdict::complete);
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "complete");
    CHECK(caller.replies.back().parameters.at("revision").to_number<int>() == 8);
}

TEST_CASE("a complete rollout is done for its caller when the old workers are gone") {
    Scene scene;
    scene.accepts(7);
    scene.backend.worker(1, 6, rollout::WorkerPhase::stopping);
    auto& patient = scene.call("Reload");
    auto& hasty = scene.call("Reload", {{"wait_drained", false}});
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(hasty.answered());
    CHECK_FALSE(patient.answered());
    CHECK(patient.last("state") == "draining");
    scene.backend.known.workers.clear();
    scene.backend.happens(rollout::EventKind::worker_exited, "r6-0 ended");
    test::settle(scene.io);
    CHECK(patient.answered());
}

TEST_CASE("without waiting the reply says that it is accepted") {
    Scene scene;
    scene.accepts(7);
    auto& caller = scene.call("Reload", {{"wait", false}}, false);
    REQUIRE(caller.answered());
    CHECK(caller.last("verdict") == "accepted");
    CHECK(caller.replies[0].parameters.at("revision").to_number<int>() == 7);
}

TEST_CASE("a refusal is an error with every mistake") {
    Scene scene;
    scene.backend.admission.error = wire::control_error::service_file;
    scene.backend.admission.message = "the service file is wrong";
    scene.backend.admission.mistakes = {"a", "b"};
    auto& caller = scene.call("Apply");
    CHECK(caller.replies.at(0).error == wire::control_error::service_file);
    CHECK(caller.replies[0].parameters.at("mistakes").as_array().size() == 2);
    CHECK(scene.backend.asked.at(0).cause.kind == rollout::CauseKind::apply);
}

TEST_CASE("a caller that vanishes ends its waiting and nothing else") {
    Scene scene;
    scene.accepts(7);
    auto& caller = scene.call("Reload");
    const auto told = caller.replies.size();
    caller.vanished = true;
    caller.wakeup().notify();
    test::settle(scene.io);
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(caller.replies.size() == told);
}

TEST_CASE("a caller that reads slowly misses progress but not the verdict") {
    Scene scene;
    scene.accepts(7);
    auto& caller = scene.call("Reload");
    const auto told = caller.replies.size();
    caller.slow = true;
    for (int number = 0; number < 5000; ++number)
        scene.backend.happens(rollout::EventKind::worker_ready, "ready");
    test::settle(scene.io);
    CHECK(caller.replies.size() == told);
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "complete");
}

TEST_CASE("unchanged files answer at once, or wait for the rollout that has them") {
    Scene scene;
    scene.backend.known.current = 6;
    scene.backend.admission.kind = Admission::Kind::unchanged;
    scene.backend.admission.revision = 6;
    CHECK(scene.call("Apply").last("verdict") == "unchanged");
    scene.backend.begin(7);
    scene.backend.admission.revision = 7;
    auto& waiting = scene.call("Apply");
    CHECK_FALSE(waiting.answered());
    scene.backend.end(7, Verdict::complete);
    test::settle(scene.io);
    CHECK(waiting.last("verdict") == "complete");
}

TEST_CASE("scale is done when so many are available, and has failed when the target moves on") {
    Scene scene;
    auto& caller = scene.call("Scale", {{"replicas", 1}});
    CHECK_FALSE(caller.answered());
    auto& other = scene.call("Scale", {{"replicas", 2}});
    scene.backend.happens(rollout::EventKind::scaled, "scaled");
    test::settle(scene.io);
    CHECK(caller.last("verdict") == "failed");
    CHECK(caller.last("reason") == "the target became 2");
    scene.backend.worker(1, 1, rollout::WorkerPhase::available);
    scene.backend.worker(2, 1, rollout::WorkerPhase::starting);
    scene.backend.happens(rollout::EventKind::worker_ready, "x");
    test::settle(scene.io);
    CHECK_FALSE(other.answered());
    scene.backend.worker(2, 1, rollout::WorkerPhase::available);
    scene.backend.happens(rollout::EventKind::worker_available, "x");
    test::settle(scene.io);
    CHECK(other.last("verdict") == "scaled");
}

TEST_CASE("a stop is over when every worker is gone; who waits for a rollout is told") {
    Scene scene;
    scene.accepts(7);
    auto& reloading = scene.call("Reload");
    auto& stopping = scene.call("Stop");
    CHECK(scene.backend.known.wanted == rollout::Wanted::stop);
    CHECK_FALSE(stopping.answered());
    scene.backend.ended = true;
    scene.backend.log.wake_all();
    test::settle(scene.io);
    CHECK(stopping.last("verdict") == "stopped");
    CHECK(reloading.replies.back().error == wire::control_error::stopping);
}

TEST_CASE("events are replayed from a number, and followed only if asked") {
    Scene scene;
    for (int number = 1; number <= 3; ++number)
        scene.backend.happens(rollout::EventKind::worker_ready, std::to_string(number));
    CHECK(scene.call("Events", {}, false).replies[0].error == "org.varlink.service.ExpectedMore");
    auto& reader = scene.call("Events", {{"since", 1}});
    REQUIRE(reader.replies.size() == 3); // two events and the end
    CHECK(reader.replies[0].parameters.at("text").as_string() == "2");
    CHECK(reader.answered());
    CHECK(reader.replies.back().parameters.empty());
    auto& follower = scene.call("Events", {{"since", 3}, {"follow", true}});
    CHECK(follower.replies.empty());
    scene.backend.happens(rollout::EventKind::worker_ready, "4");
    test::settle(scene.io);
    REQUIRE(follower.replies.size() == 1);
    CHECK(follower.last("text") == "4");
}

TEST_CASE("a follower that reads slowly is not sent more until it has read") {
    Scene scene;
    auto& follower = scene.call("Events", {{"follow", true}});
    follower.slow = true;
    for (int number = 0; number < 3000; ++number)
        scene.backend.happens(rollout::EventKind::worker_ready, "x");
    test::settle(scene.io);
    CHECK(follower.replies.empty());
    follower.slow = false;
    follower.wakeup().notify();
    test::settle(scene.io);
    CHECK(follower.replies.size() == events_kept);
    CHECK(follower.replies.front().parameters.at("sequence").to_number<int>() == 2001);
}

TEST_CASE("the first replies have every worker, the later ones those that changed") {
    Scene scene;
    auto& backend = scene.backend;
    for (rollout::WorkerId id = 1; id <= 250; ++id)
        backend.worker(id, 6, rollout::WorkerPhase::available);
    scene.accepts(7);
    auto& caller = scene.call("Reload");
    const auto told = [&caller](std::size_t from) {
        std::vector<std::string> states;
        for (std::size_t index = from; index < caller.replies.size(); ++index)
            for (const auto& worker : caller.replies[index].parameters.at("worker_list").as_array())
                states.emplace_back(worker.at("state").as_string().c_str());
        return states;
    };
    CHECK(told(0).size() == 250);
    for (const auto& reply : caller.replies)
        CHECK(reply.parameters.at("worker_list").as_array().size() <= 100);

    std::size_t before = caller.replies.size();
    backend.worker(251, 7, rollout::WorkerPhase::starting);
    rollout::Event launched;
    launched.kind = rollout::EventKind::worker_launched;
    launched.worker = 251;
    backend.log.append(launched, WallTime{});
    test::settle(scene.io);
    CHECK(told(before) == std::vector<std::string>{"starting"});

    // It moved on, and nothing was said of it.
    before = caller.replies.size();
    backend.known.workers.at(251).phase = rollout::WorkerPhase::ready;
    backend.log.wake_all();
    test::settle(scene.io);
    CHECK(told(before) == std::vector<std::string>{"ready"});
    CHECK(caller.last("text").empty());

    before = caller.replies.size();
    backend.log.wake_all();
    test::settle(scene.io);
    CHECK(caller.replies.size() == before);
}

TEST_CASE("events begin with the newest few where that is asked for") {
    Scene scene;
    for (int number = 0; number < 20; ++number)
        scene.backend.happens(rollout::EventKind::scaled, "again");
    CHECK(scene.call("Events", {{"newest", 3}}).replies.size() ==
          4); // the last one ends the stream
    CHECK(scene.call("Events", {{"newest", 3}, {"since", 19}}).replies.size() == 2);
    CHECK(scene.call("Events", {{"newest", 100}}).replies.size() == 21);
    CHECK(scene.call("Events", {{"newest", 0}}).replies.size() == 1);
}
