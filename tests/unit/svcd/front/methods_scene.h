// The control methods over a state that the test moves, with callers that keep their replies.
#pragma once

#include "svcd/front/methods.h"

#include "rollout/decide.h"
#include "support.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

namespace svc::daemon::test_methods {

namespace asio = boost::asio;
using rollout::Verdict;

class ScriptedBackend : public Backend {
public:
    [[nodiscard]] const rollout::State& state() const override { return known; }
    [[nodiscard]] wire::ServiceStatus status() const override {
        wire::ServiceStatus status;
        status.service = "web";
        status.generation = 3;
        return status;
    }
    asio::awaitable<void> look_closer(wire::StatusCall, wire::ServiceStatus&) override {
        co_return;
    }
    asio::awaitable<std::vector<wire::MetricFamily>> metrics() override {
        co_return std::vector<wire::MetricFamily>{};
    }
    EventLog& events() override { return log; }
    asio::awaitable<Admission> admit(AdmissionRequest request) override {
        asked.push_back(std::move(request));
        Admission answer = admission;
        co_return answer;
    }
    [[nodiscard]] wire::HistoryReply history() const override {
        wire::HistoryReply reply;
        reply.revisions.push_back({.revision = 6, .cause = "boot", .result = "complete"});
        return reply;
    }
    [[nodiscard]] Result<wire::RevisionReply>
    revision(rollout::RevisionNumber number) const override {
        if (number != 6)
            return Error{"revision " + std::to_string(number) + " is not kept"};
        wire::RevisionReply reply;
        reply.summary.revision = number;
        reply.service_file = "[service]";
        return reply;
    }
    [[nodiscard]] Result<wire::DiffReply> diff(rollout::RevisionNumber from,
                                               rollout::RevisionNumber to) const override {
        wire::DiffReply reply{from, to, {}};
        reply.differences.push_back({"executable /usr/bin/web", "1 byte", "2 bytes"});
        reply.differences.push_back({"service file: service.nice", "not set", "5"});
        return reply;
    }
    [[nodiscard]] bool is_recorded(rollout::RevisionNumber) const override { return recorded; }
    bool recorded = true;
    [[nodiscard]] Loaded look_at_file() const override {
        Loaded loaded;
        loaded.revision = known.revisions.at(known.current);
        loaded.mistakes = file_mistakes;
        loaded.flaw = file_mistakes.empty() ? Loaded::Flaw::none : Loaded::Flaw::file_wrong;
        loaded.revision.spec.process.nice = 5;
        return loaded;
    }
    [[nodiscard]] Result<wire::Timeline> timeline(rollout::RevisionNumber number) const override {
        if (number != 6)
            return Error{"revision " + std::to_string(number) + " has no timeline"};
        wire::Timeline timeline;
        timeline.revision = number;
        return timeline;
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
    [[nodiscard]] std::optional<Admission> find_request(const std::string& token) const override {
        const auto found = requests_known.find(token);
        return found == requests_known.end() ? std::nullopt : std::optional(found->second);
    }
    asio::awaitable<Result<void>> upgrade() override {
        ++upgrades;
        Result<void> result = upgrade_error.empty() ? Result<void>() : Error{upgrade_error};
        co_return result;
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
    std::vector<std::string> file_mistakes;
    std::vector<rollout::Observation> requests;
    bool ended = false;
    std::map<std::string, Admission> requests_known;
    std::string upgrade_error;
    int upgrades = 0;
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

} // namespace svc::daemon::test_methods
