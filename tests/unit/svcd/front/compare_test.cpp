#include "svcd/front/compare.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using Lines = std::vector<std::string>;

namespace {

rollout::Revision revision() {
    rollout::Revision made;
    made.number = 7;
    made.spec.process.command = {"/srv/a/web"};
    made.spec.rollout.replicas = 4;
    rollout::ListenerSpec http;
    http.name = "http";
    http.address.host = "0.0.0.0";
    http.address.port = 8080;
    made.spec.listeners.push_back(http);
    made.executable = "/srv/a/web";
    made.executable_identity = {"/srv/a/web", 1, 2, 3, 4, 5};
    made.spec.process.inputs = {"/etc/web.conf"};
    made.input_identities = {{"/etc/web.conf", 1, 9, 9, 9, 9}};
    made.file_environment = {{"TOKEN", "secret"}};
    made.spec.process.environment_files = {"/etc/web.env"};
    return made;
}

} // namespace

TEST_CASE("two loads of the same files differ in nothing, whatever number and cause say") {
    auto now = revision();
    now.number = 0;
    now.cause.text = "svc apply";
    now.made_at += std::chrono::hours(1);
    CHECK(compare(revision(), 4, now).none());
}

TEST_CASE("a changed key is named with its table") {
    auto now = revision();
    now.spec.rollout.max_surge = {25, true};
    now.spec.stop.grace += std::chrono::seconds(1);
    CHECK(compare(revision(), 4, now).lines() ==
          Lines{"service file: rollout.max_surge", "service file: stop.grace"});
}

TEST_CASE("keys are named as the service file has them") {
    auto now = revision();
    now.spec.process.error_output = rollout::ErrorOutput::inherit;
    now.spec.process.nice = 5;
    now.spec.ready.timeout += std::chrono::seconds(1);
    now.spec.restart.backoff_min += std::chrono::seconds(1);
    now.spec.restart.policy = rollout::RestartPolicy::never;
    CHECK(compare(revision(), 4, now).lines() ==
          Lines{"service file: service.nice", "service file: service.stderr",
                "service file: ready.timeout", "service file: restart.policy",
                "service file: restart.backoff.min"});
}

TEST_CASE("replicas are told apart from everything else, against what the file last said") {
    auto now = revision();
    now.spec.rollout.replicas = 6;
    CHECK(compare(revision(), 4, now).replicas);
    CHECK(compare(revision(), 4, now).found.empty());
    CHECK(compare(revision(), 6, now).none());
}

TEST_CASE("listeners that came, went or moved are named") {
    auto now = revision();
    now.spec.listeners[0].address.port = 9090;
    now.spec.listeners.push_back(now.spec.listeners[0]);
    now.spec.listeners[1].name = "admin";
    now.spec.listeners[1].address.port = 9091;
    CHECK(compare(revision(), 4, now).lines() ==
          Lines{"service file: listener http: 0.0.0.0:8080 → 0.0.0.0:9090",
                "service file: listener admin added: 0.0.0.0:9091"});
    auto without = revision();
    without.spec.listeners.clear();
    CHECK(compare(revision(), 4, without).lines() == Lines{"service file: listener http removed"});
    auto deeper = revision();
    deeper.spec.listeners[0].options.backlog = 1;
    CHECK(compare(revision(), 4, deeper).lines() == Lines{"service file: listener http.backlog"});
}

TEST_CASE("listeners in another order are a change: a worker counts descriptors") {
    auto before = revision();
    before.spec.listeners.push_back({.name = "admin", .address = {}, .options = {}});
    auto now = before;
    std::swap(now.spec.listeners[0], now.spec.listeners[1]);
    CHECK(compare(before, 4, now).lines() == Lines{"service file: order of the listeners"});
}

TEST_CASE("environment files are named with the variables that changed, never with a value") {
    auto now = revision();
    now.file_environment = {{"TOKEN", "other secret"}, {"NEW", "1"}};
    CHECK(compare(revision(), 4, now).lines() ==
          Lines{"environment file /etc/web.env: NEW added, TOKEN changed"});
}

TEST_CASE("another file at the executable's or an input's path is a change") {
    auto now = revision();
    now.executable_identity.inode = 99;
    now.input_identities[0].changed_ns = 10;
    CHECK(compare(revision(), 4, now).lines() ==
          Lines{"executable /srv/a/web", "input /etc/web.conf"});
}

TEST_CASE("another release is one line, though every path in it is another file") {
    auto before = revision();
    before.release = "/srv/a";
    before.spec.process.directory = "/srv/a/data";
    auto now = before;
    now.release = "/srv/b";
    now.spec.process.directory = "/srv/b/data";
    now.executable = "/srv/b/web";
    now.executable_identity = {"/srv/b/web", 1, 5, 5, 5, 5};
    CHECK(compare(before, 4, now).lines() == Lines{"release: /srv/a → /srv/b"});
}

TEST_CASE("the whole has old and new values as the service file would have them") {
    auto before = revision();
    before.release = "/srv/a";
    before.spec.process.directory = "/srv/a/data";
    auto now = before;
    now.release = "/srv/b";
    now.spec.process.directory = "/srv/b/other";
    now.spec.process.umask = 022;
    now.spec.process.limits["nofile"] = {1024, UINT64_MAX};
    now.spec.limits = rollout::LimitsSpec{.memory_max = UINT64_MAX, .cpu_max = 150};
    now.spec.rollout.max_surge = {25, true};
    now.spec.rollout.strategy = rollout::Strategy::blue_green;
    now.spec.rollout.replicas = 6;
    now.spec.stop.grace = std::chrono::seconds(90);
    now.spec.stop.signal = 1;
    now.spec.stop.pre_stop =
        rollout::HookSpec{rollout::ExecHook{{"/bin/x", "y"}}, {}, rollout::HookFailure::ignore};
    const auto whole = compare(before, 4, now).whole();
    const auto values = [&](const std::string& what) -> std::string {
        for (const auto& one : whole)
            if (one.what == what)
                return one.before + " → " + one.after;
        return "no difference";
    };
    CHECK(values("service file: service.directory") == "\"/srv/a/data\" → \"/srv/b/other\"");
    CHECK(values("service file: service.umask") == "not set → \"022\"");
    CHECK(values("service file: service.limits") ==
          "{} → { nofile = { soft = 1024, hard = \"infinity\" } }");
    CHECK(values("service file: limits.cpu_max") == "not set → \"150%\"");
    CHECK(values("service file: limits.memory_max") == "not set → \"infinity\"");
    CHECK(values("service file: rollout.max_surge") == "1 → \"25%\"");
    CHECK(values("service file: rollout.strategy") == "\"rolling\" → \"blue-green\"");
    CHECK(values("service file: rollout.replicas") == "4 → 6");
    CHECK(values("service file: stop.grace") == "\"30s\" → \"1m30s\"");
    CHECK(values("service file: stop.signal") == "\"SIGTERM\" → \"SIGHUP\"");
    CHECK(values("service file: stop.pre_stop") ==
          "not set → { exec = [\"/bin/x\", \"y\"], on_failure = \"ignore\" }");
    CHECK(values("release") == "/srv/a → /srv/b");
}

TEST_CASE("an executable is told apart by its file, and by its content where both were read") {
    auto before = revision();
    before.build_id = "aaaaaaaaaaaaaaaaaaaa";
    before.sha256 = std::string(64, 'a');
    auto now = before;
    now.executable_identity.inode = 99;
    now.sha256 = std::string(64, 'b');
    const auto whole = compare(before, 4, now).whole();
    REQUIRE(whole.size() == 1);
    CHECK(whole[0].before.find("inode 2, build id aaaaaaaaaaaa, sha256 aaaaaaaaaaaa") !=
          std::string::npos);
    CHECK(whole[0].after.find("inode 99, build id aaaaaaaaaaaa, sha256 bbbbbbbbbbbb") !=
          std::string::npos);
    now.sha256.clear();
    CHECK(compare(before, 4, now).whole()[0].before.find("sha256") == std::string::npos);
}

TEST_CASE("liveness and recycling are tables like the others") {
    auto now = revision();
    now.spec.live.watchdog = std::chrono::seconds(10);
    now.spec.recycle.max_age = std::chrono::hours(24);
    now.spec.rollout.before = rollout::HookSpec{rollout::SleepHook{}, {}, {}};
    CHECK(compare(revision(), 4, now).lines() == Lines{"service file: live.watchdog",
                                                       "service file: rollout.before",
                                                       "service file: recycle.max_age"});
}

namespace {

rollout::Revision reloaded_in_place() {
    auto made = revision();
    made.command = {"/srv/a/web"};
    made.spec.rollout.in_place.emplace();
    return made;
}

} // namespace

TEST_CASE("what a worker reads itself, and what is about the rollout, changes in place") {
    auto now = reloaded_in_place();
    now.input_identities[0].inode = 10;
    now.spec.process.inputs.emplace_back("/etc/more.conf");
    now.spec.rollout.max_surge.value = 3;
    now.spec.stop.grace *= 2;
    now.spec.listeners[0].options.backlog = 64;
    CHECK(reloads_in_place(reloaded_in_place(), now));
}

TEST_CASE("a worker that would be started otherwise cannot become a revision in place") {
    auto now = reloaded_in_place();
    REQUIRE(reloads_in_place(reloaded_in_place(), now));
    SUBCASE("another strategy") {
        now.spec.rollout.in_place.reset();
    }
    SUBCASE("another limit") {
        now.spec.limits = rollout::LimitsSpec{.memory_max = 1};
    }
    SUBCASE("another executable") {
        now.executable_identity.inode = 3;
    }
    SUBCASE("another program") {
        now.program_identity.path = "/srv/a/app.py";
    }
    SUBCASE("another command") {
        now.command.emplace_back("--verbose");
    }
    SUBCASE("another environment") {
        now.spec.process.environment["A"] = "b";
    }
    SUBCASE("another environment file") {
        now.file_environment["TOKEN"] = "other";
    }
    SUBCASE("another user") {
        now.credentials.uid = 5;
    }
    SUBCASE("another directory") {
        now.spec.process.directory = "/srv/b";
    }
    SUBCASE("another listener") {
        now.spec.listeners[0].address.port = 81;
    }
    SUBCASE("one listener more") {
        now.spec.listeners.push_back(now.spec.listeners[0]);
    }
    SUBCASE("another watchdog") {
        now.spec.live.watchdog = std::chrono::seconds(1);
    }
    SUBCASE("another readiness fd") {
        now.spec.ready.fd = 9;
    }
    SUBCASE("another place for its output") {
        now.spec.log.output = rollout::LogOutput::journal;
    }
    CHECK_FALSE(reloads_in_place(reloaded_in_place(), now));
}

TEST_CASE("what keeps a revision from being reached in place is named") {
    auto now = reloaded_in_place();
    CHECK(bars_in_place(reloaded_in_place(), now).empty());
    now.command.emplace_back("--verbose");
    CHECK(bars_in_place(reloaded_in_place(), now) == std::vector<std::string>{"the command"});
    now.executable_identity.inode = 3;
    now.spec.process.nice = 5;
    CHECK(bars_in_place(reloaded_in_place(), now) ==
          std::vector<std::string>{"the command", "what else [service] says of a worker",
                                   "the executable"});
}
