// svc upgrade: from the question to the supervisor that came of it.
#include "run_verb.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;
using namespace svc::cli::testing;
using namespace std::chrono_literals;

namespace {

wire::ServiceStatus status_of(std::uint64_t generation, std::vector<std::int32_t> pids) {
    wire::ServiceStatus status;
    status.service = "web";
    status.generation = generation;
    status.version = "1." + std::to_string(generation);
    status.supervisor_pid = 4711;
    for (const auto pid : pids)
        status.workers.push_back(
            {.name = "r1-" + std::to_string(status.workers.size()), .pid = pid});
    return status;
}

/// One that is asked for an upgrade, and then shows what `after` says; the last of them again and again.
struct Upgraded {
    TemporaryDirectory directory;
    std::vector<wire::ServiceStatus> after;
    std::size_t shown = 0;
    bool answers = true;
    FakeSupervisor supervisor;

    explicit Upgraded(std::vector<wire::ServiceStatus> statuses, bool answered = true)
        : after(std::move(statuses)), answers(answered),
          supervisor(directory.path(), "web",
                     [this](int connection, const wire::VarlinkCall&) { serve(connection); }) {}

    void serve(int connection) {
        FakeSupervisor::reply(connection, to_json(after.at(shown)), false);
        if (shown + 1 < after.size())
            ++shown;
        const auto call = FakeSupervisor::next_call(connection);
        if (!call || !answers)
            return;
        CHECK(call->method == "io.svc.Supervisor.Upgrade");
        FakeSupervisor::reply(connection, to_json(wire::UpgradeReply{1}), false);
    }
};

} // namespace

TEST_CASE("an upgrade is over when a supervisor of a larger generation shows its workers") {
    // Asked once too early, it is asked again.
    Upgraded web(
        {status_of(1, {10, 11, 12}), status_of(1, {10, 11, 12}), status_of(2, {10, 11, 12})});
    const auto ran = run_verb(verb(Verb::upgrade, web.directory), long_patience);
    CHECK(ran.status == 0);
    CHECK(ran.out.starts_with("web: supervisor upgraded from 1.1 to 1.2 (pid 4711 as before, 3 "
                              "workers untouched), in 0."));
}

TEST_CASE("another pid and other workers are not hidden") {
    auto next = status_of(2, {10, 12});
    next.version = "1.1";
    next.supervisor_pid = 4712;
    Upgraded web({status_of(1, {10, 11}), next});
    CHECK(
        run_verb(verb(Verb::upgrade, web.directory), long_patience)
            .out.starts_with(
                "web: supervisor upgraded (pid 4712, before 4711, 1 of 2 workers untouched), in "));
    Upgraded json({status_of(1, {10, 11}), next});
    auto options = verb(Verb::upgrade, json.directory);
    options.json = true;
    CHECK(run_verb(options, long_patience).out ==
          "{\"service\":\"web\",\"verdict\":\"upgraded\",\"generation\":2,\"version\":\"1.1\","
          "\"version_before\":\"1.1\","
          "\"supervisor_pid\":4712,\"workers\":2,\"untouched\":1}\n");
}

TEST_CASE("a program that went back says why, and that is status 1") {
    auto back = status_of(2, {10});
    back.upgrade_problem = "the new program cannot read the state";
    Upgraded web({status_of(1, {10}), back});
    const auto ran = run_verb(verb(Verb::upgrade, web.directory), long_patience);
    CHECK(ran.status == 1);
    CHECK(ran.err ==
          "svc: web: the supervisor was not upgraded, 1.2 goes on: the new program cannot "
          "read the state\n");
}

TEST_CASE("no answer to an upgrade is no upgrade that anybody knows of") {
    Upgraded web({status_of(1, {10})}, false);
    const auto ran = run_verb(verb(Verb::upgrade, web.directory), long_patience);
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "nobody knows whether it was upgraded; `svc status web`"));
}

TEST_CASE("a supervisor that goes on as it was is not waited for for ever") {
    Upgraded web({status_of(1, {10})});
    const auto ran = run_verb(verb(Verb::upgrade, web.directory));
    CHECK(ran.status == 6);
    CHECK(has(ran.err, "svc: web: the new program does not go on within "));
}

TEST_CASE("an upgrade that is refused is status 1 with the reason") {
    const TemporaryDirectory directory;
    const FakeSupervisor supervisor(directory.path(), "web", [](int connection, auto&) {
        FakeSupervisor::reply(connection, to_json(status_of(1, {})), false);
        FakeSupervisor::next_call(connection);
        FakeSupervisor::reply(connection, to_json(wire::Refusal{"it cannot", {}}), false,
                              std::string(wire::control_error::refused));
    });
    const auto ran = run_verb(verb(Verb::upgrade, directory));
    CHECK(ran.status == 1);
    CHECK(ran.err == "svc: web: it cannot\n");
}
