// The control methods and their waiting callers, over a state that the test moves.
#include "svcd/front/methods.h"

#include "rollout/decide.h"
#include "support.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace svc;
using namespace svc::daemon;
namespace asio = boost::asio;
using rollout::Verdict;

namespace {

class ScriptedBackend : public Backend {
public:
    [[nodiscard]] const rollout::State& state() const override { return known; }
    [[nodiscard]] wire::ServiceStatus status() const override {
        wire::ServiceStatus status;
        status.service = "web";
        return status;
    }
    EventLog& events() override { return log; }
    asio::awaitable<Admission> admit(AdmissionRequest request) override {
        asked.push_back(std::move(request));
        Admission answer = admission;
        co_return answer;
    }
    void request(rollout::Observation observed) override {
        std::vector<rollout::Event> told;
        rollout::record(known, observed, Instant{}, told);
        for (const auto& event : told)
            log.append(event, WallTime{});
        requests.push_back(std::move(observed));
    }
    void scale(std::uint32_t replicas) override { known.replicas = replicas; }
    void stop(bool now, std::string) override {
        known.wanted = now ? rollout::Wanted::stop_now : rollout::Wanted::stop;
    }
    [[nodiscard]] bool finished() const override { return ended; }

    void happens(rollout::EventKind kind, const std::string& text) {
        rollout::Event event;
        event.kind = kind;
        event.text = text;
        log.append(event, WallTime{});
    }
    void begin(rollout::RevisionNumber revision) {
        known.next_revision = revision + 1;
        known.rollout = rollout::Rollout{.from = known.current, .to = revision};
    }
    void end(rollout::RevisionNumber revision, Verdict verdict, const std::string& reason = {},
             rollout::RevisionNumber successor = 0) {
        known.rollout.reset();
        if (verdict == Verdict::complete)
            known.current = revision;
        known.outcomes.push_back({.revision = revision,
                                  .verdict = verdict,
                                  .reason = reason,
                                  .successor = successor,
                                  .last_output = {"last words"}});
        happens(rollout::EventKind::rollout_ended, "ended");
    }
    rollout::Worker& worker(rollout::WorkerId id, rollout::RevisionNumber revision,
                            rollout::WorkerPhase phase) {
        auto& made = known.workers[id];
        made.id = id;
        made.revision = revision;
        made.phase = phase;
        made.name = rollout::name_of(revision, 0, 0);
        return made;
    }

    rollout::State known;
    EventLog log;
    Admission admission;
    std::vector<AdmissionRequest> asked;
    std::vector<rollout::Observation> requests;
    bool ended = false;
};

class FakeCaller : public Caller {
public:
    explicit FakeCaller(asio::io_context& io) : wakeup_(io.get_executor()) {}
    [[nodiscard]] const Peer& peer() const override { return peer_; }
    [[nodiscard]] bool may_change() const override { return privileged; }
    void reply(const wire::VarlinkReply& reply) override { replies.push_back(reply); }
    [[nodiscard]] bool gone() const override { return vanished; }
    Wakeup& wakeup() override { return wakeup_; }
    [[nodiscard]] bool backed_up() const override { return slow; }

    [[nodiscard]] std::string last(const std::string& key) const {
        REQUIRE_FALSE(replies.empty());
        const auto* value = replies.back().parameters.if_contains(key);
        return value != nullptr && value->is_string() ? std::string(value->get_string().c_str())
                                                      : std::string();
    }
    [[nodiscard]] bool answered() const { return !replies.empty() && !replies.back().continues; }

    bool privileged = true;
    bool vanished = false;
    bool slow = false;
    std::vector<wire::VarlinkReply> replies;

private:
    Peer peer_;
    Wakeup wakeup_;
};

struct Scene {
    asio::io_context io;
    ScriptedBackend backend;
    Methods methods{backend};
    std::vector<std::unique_ptr<FakeCaller>> callers;

    ~Scene() {
        for (auto& caller : callers) {
            caller->vanished = true;
            caller->wakeup().notify();
        }
        test::settle(io);
    }

    FakeCaller& caller() { return *callers.emplace_back(std::make_unique<FakeCaller>(io)); }
    FakeCaller& call(const std::string& method, boost::json::object parameters = {},
                     bool more = true) {
        auto& made = caller();
        call_as(made, method, std::move(parameters), more);
        return made;
    }
    void call_as(FakeCaller& as, const std::string& method, boost::json::object parameters = {},
                 bool more = true) {
        wire::VarlinkCall call;
        call.method =
            method.find('.') == std::string::npos ? "io.svc.Supervisor." + method : method;
        call.parameters = std::move(parameters);
        call.more = more;
        auto running = [this, call, &as]() -> asio::awaitable<void> {
            co_await methods.handle(call, as);
        };
        asio::co_spawn(io, running, asio::detached);
        test::settle(io);
    }
    void accepts(rollout::RevisionNumber revision) {
        backend.admission.kind = Admission::Kind::revision;
        backend.admission.revision = revision;
        backend.begin(revision);
    }
};

} // namespace

TEST_CASE("an unknown interface, method or parameter is named") {
    Scene scene;
    CHECK(scene.call("org.example.Do").last("interface") == "org.example");
    CHECK(scene.call("Explode").replies[0].error == "org.varlink.service.MethodNotFound");
    CHECK(scene.call("Reload", {{"force", true}}).replies[0].error ==
          "org.varlink.service.InvalidParameter");
    CHECK(scene.call("Status", {{"x", 1}}).last("parameter") == "x");
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
    scene.backend.end(7, Verdict::rolled_back, "aborted by uid 0");
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
    scene.backend.known.rollout->analysis = rollout::Analysis::running;
    CHECK(has(scene.refusal("Promote"), "its analysis runs"));
    scene.backend.known.rollout->analysis = rollout::Analysis::none;
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
