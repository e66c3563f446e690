#include "svcd/host/hooks/launch_plan.h"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <sys/resource.h>

using namespace svc;
using namespace svc::daemon;

namespace {

rollout::Revision revision() {
    rollout::Revision made;
    made.number = 7;
    made.executable = "/usr/bin/web";
    made.command = {"web", "--flag"};
    return made;
}

bool has(const wire::LaunchOrder& order, const std::string& entry) {
    return std::find(order.environment.begin(), order.environment.end(), entry) !=
           order.environment.end();
}

bool names(const wire::LaunchOrder& order, const std::string& name) {
    return std::any_of(order.environment.begin(), order.environment.end(),
                       [&](const auto& entry) { return entry.starts_with(name + "="); });
}

} // namespace

TEST_CASE("a worker's environment is clean: nothing of ours but LANG") {
    ::setenv("LANG", "C.UTF-8", 1);
    ::setenv("SECRET_OF_OURS", "x", 1);
    WorkerPlace place{"web", 3, "/run/web/notify/r7-3", {}, -1};
    const auto order = plan_worker(revision(), place);
    REQUIRE(order);
    CHECK(has(*order, "LANG=C.UTF-8"));
    CHECK(has(*order, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    CHECK(has(*order, "SVC_SERVICE=web"));
    CHECK(has(*order, "SVC_REVISION=7"));
    CHECK(has(*order, "SVC_REPLICA=3"));
    CHECK(has(*order, "NOTIFY_SOCKET=/run/web/notify/r7-3"));
    CHECK_FALSE(names(*order, "SECRET_OF_OURS"));
    CHECK_FALSE(names(*order, "LISTEN_FDS")); // 0 would be an error to sd_listen_fds()
    CHECK(order->pid_variables.empty());
}

TEST_CASE("who runs it says HOME, USER, LOGNAME and SHELL; the service file has the last word") {
    auto made = revision();
    made.credentials = {true, 33, 33, {}, "www", "/var/www", "/bin/false"};
    made.spec.process.environment = {{"SHELL", "/bin/sh"}, {"A", "file wins"}};
    made.file_environment = {{"A", "of the file"}};
    const auto order = plan_worker(made, WorkerPlace{"web", 0, "/n", {{"http", {}}}, 2, 1});
    REQUIRE(order);
    CHECK(has(*order, "HOME=/var/www"));
    CHECK(has(*order, "USER=www"));
    CHECK(has(*order, "LOGNAME=www"));
    CHECK(has(*order, "SHELL=/bin/sh"));
    CHECK(has(*order, "A=of the file"));
    CHECK(has(*order, "LISTEN_FDS=1"));
    CHECK(has(*order, "LISTEN_FDNAMES=http"));
    CHECK(order->pid_variables == std::vector<std::string>{"LISTEN_PID"});
    CHECK(order->inherited_fds == 1);
    CHECK(order->stdout_index == 2);
    CHECK(order->stderr_index == 1);
    CHECK(order->uid == 33);
}

TEST_CASE("no protocol variable reaches a worker from the service file or its environment files") {
    auto made = revision();
    made.spec.process.environment["NOTIFY_SOCKET"] = "/of/ours";
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_PIDFDID", "WATCHDOG_USEC",
                             "WATCHDOG_PID", "FDSTORE", "SVC_WORKER_NOFILE"}) {
        made.spec.process.environment[name] = "1";
        made.file_environment[name] = "1";
    }
    const auto order = plan_worker(made, WorkerPlace{"web", 0, "/n", {}, -1});
    REQUIRE(order);
    CHECK(has(*order, "NOTIFY_SOCKET=/n"));
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_PIDFDID", "WATCHDOG_USEC",
                             "WATCHDOG_PID", "FDSTORE", "SVC_WORKER_NOFILE"})
        CHECK_FALSE(names(*order, name));
}

TEST_CASE("the supervisor's rank for the OOM killer is not inherited, unless it is a worse one") {
    CHECK(oom_score_for(std::nullopt, -500) == 0);
    CHECK(oom_score_for(-100, -500) == -100);
    CHECK(oom_score_for(300, 0) == 300);
    CHECK_FALSE(oom_score_for(std::nullopt, 0));
    CHECK_FALSE(oom_score_for(std::nullopt, 200));
}

TEST_CASE("limits go by the names of prlimit(1)") {
    auto made = revision();
    made.spec.process.limits = {{"nofile", {1024, 4096}}};
    auto order = plan_worker(made, WorkerPlace{"web", 0, "/n", {}, -1});
    REQUIRE(order);
    REQUIRE(order->limits.size() == 1);
    CHECK(order->limits[0] == wire::LaunchLimit{RLIMIT_NOFILE, 1024, 4096});
    made.spec.process.limits = {{"files", {1, 1}}};
    order = plan_worker(made, WorkerPlace{"web", 0, "/n", {}, -1});
    REQUIRE_FALSE(order);
    CHECK(order.error().message.find("files") != std::string::npos);
}

TEST_CASE("a command is found with the service's own PATH") {
    auto made = revision();
    made.spec.process.environment = {{"PATH", "/nowhere:/bin"}};
    const auto environment = common_environment(made, "web");
    const auto order = plan_command(made, {"sh", "-c", "true"}, environment);
    REQUIRE(order);
    CHECK(order->executable == "/bin/sh");
    CHECK(order->stdout_index == 0);
    CHECK(order->stderr_index == 0);
    CHECK_FALSE(plan_command(made, {"no-such-program"}, environment));
}

TEST_CASE("${release} is replaced wherever it stands") {
    CHECK(expand_release({"${release}/bin/x", "--root=${release}", "$release", "$${release}"},
                         "/srv/7") ==
          std::vector<std::string>{"/srv/7/bin/x", "--root=/srv/7", "$release", "${release}"});
}

TEST_CASE("{fd:NAME} is replaced for workers, and what has it is not given to commands") {
    auto made = revision();
    made.command = {"web", "--fd={fd:http}"};
    made.spec.process.environment = {{"FD_WEB", "{fd:http}"}, {"OF_FILE", "{fd:http}"}, {"A", "b"}};
    made.file_environment = {{"OF_FILE", "{fd:http} as it is"}};
    const auto order =
        plan_worker(made, WorkerPlace{.service = "web", .sockets = {{"x", {}}, {"http", {}}}});
    REQUIRE(order);
    CHECK(order->arguments == std::vector<std::string>{"web", "--fd=4"});
    CHECK(has(*order, "FD_WEB=4"));
    CHECK(has(*order, "OF_FILE={fd:http} as it is"));
    const auto command = plan_command(made, {"/bin/true"}, common_environment(made, "web"));
    REQUIRE(command);
    CHECK(has(*command, "A=b"));
    CHECK_FALSE(names(*command, "FD_WEB"));
}
