// One mistake in one file: where it is said to be, and what is said about it.
#include "helpers.h"

using namespace svc::wire;
using namespace svc::wire::test;

TEST_CASE("a mistake is written as a compiler would") {
    CHECK(format_mistake("web.toml", Mistake{12, 3, "rollout.max_surge", "no"}) ==
          "web.toml:12:3: [rollout] max_surge: no");
    CHECK(format_mistake("web.toml", Mistake{0, 0, "listener[2].address", "no"}) ==
          "web.toml: [[listener]] 2, address: no");
    CHECK(format_mistake("web.toml", Mistake{1, 2, "listener[2]", "no"}) ==
          "web.toml:1:2: [[listener]] 2: no");
    CHECK(format_mistake("", Mistake{0, 0, "", "no"}) == "no");
}

TEST_CASE("a syntax error is the only mistake that is reported") {
    check_mistake("[service]\ncommand = 5\nuser = \n", "3:8 ", "this is not TOML");
    check_mistake(minimal + "command = [\"again\"]\n", "3:11 ", "this is not TOML");
    check_mistake("[service\n", "1:9 ", "this is not TOML");
}

TEST_CASE("an empty file is told what it needs") {
    check_mistake("", "0:0 service", "write [service] and below it command = [\"/usr/bin/web\"]");
}

TEST_CASE("a missing command is said at its table") {
    check_mistake("\n[service]\nuser = \"web\"\n", "2:1 service.command", "what to run is missing");
}

TEST_CASE("an unknown key or table is said with the one that was meant") {
    check_mistake(minimal + "[rollotu]\nreplicas = 2\n", "3:2 rollotu", "did you mean rollout?");
    check_mistake(minimal + "  usr = \"web\"\n", "3:3 service.usr", "did you mean user?");
    check_mistake(minimal + "[restart]\nbackoff = { mn = \"1s\" }\n", "4:13 restart.backoff.mn",
                  "did you mean min?");
    check_mistake(minimal + "[ready]\nproob = \"x\"\n", "4:1 ready.proob", "did you mean probe?");
    check_mistake(minimal + "[ready]\npoll = \"x\"\n", "4:1 ready.poll",
                  "the keys here are delay, fd, notify_access, on, post_ready, probe, startup");
    check_mistake(minimal + "limits = { files = 3 }\n", "3:12 service.limits.files",
                  "the keys here are as, core, cpu");
}

TEST_CASE("a wrong type is said with the right form") {
    check_mistake("[service]\ncommand = \"/usr/bin/web\"\n", "2:11 service.command",
                  "a string stands here; write command = [\"/usr/bin/web\"");
    check_mistake(minimal + "user = 1000\n", "3:8 service.user",
                  "an integer stands here; write user = \"web\"");
    check_mistake(minimal + "inputs = [\"/a\", 5]\n", "3:17 service.inputs",
                  "an integer stands here");
    check_mistake(minimal + "no_new_privileges = \"yes\"\n", "3:21 service.no_new_privileges",
                  "a string stands here; write no_new_privileges = true");
    check_mistake(minimal + "environment = [\"A=b\"]\n", "3:15 service.environment",
                  "a list stands here; write environment = { LOG_LEVEL");
    check_mistake(minimal + "environment = { A = 5 }\n", "3:21 service.environment.A",
                  "an integer stands here");
    check_mistake(minimal + "[ready]\ntimeout = 60\n", "4:11 ready.timeout",
                  "an integer stands here; write timeout = \"60s\"");
    check_mistake(minimal + "nice = 1.5\n", "3:8 service.nice", "a number with a fraction");
    check_mistake(minimal + "nice = 2020-01-01\n", "3:8 service.nice", "a date or time");
    check_mistake(minimal + "session = true\n", "3:11 service.session", "a boolean stands here");
    check_mistake("listener = 5\n" + minimal, "1:12 listener", "write a table [[listener]]");
    check_mistake("listener = [5]\n" + minimal, "1:13 listener[1]", "an integer stands here");
    check_mistake(minimal + "[listener]\naddress = \"80\"\n", "3:1 listener",
                  "write [[listener]] with two brackets");
    check_mistake("[[service]]\ncommand = [\"/a\"]\n", "1:1 service", "a list stands here");
    check_mistake("stop = \"SIGTERM\"\n" + minimal, "1:8 stop", "a string stands here");
}

TEST_CASE("a number out of range is said with the range") {
    check_mistake(minimal + "[rollout]\nreplicas = 1001\n", "4:12 rollout.replicas",
                  "1001 is out of range; write a number from 0 to 1000");
    check_mistake(minimal + "[rollout]\nreplicas = -1\n", "4:12 rollout.replicas", "0 to 1000");
    check_mistake(minimal + "nice = 20\n", "3:8 service.nice", "-20 to 19");
    check_mistake(minimal + "oom_score_adj = 1001\n", "3:17 service.oom_score_adj",
                  "-1000 to 1000");
    check_mistake(minimal + "[[listener]]\naddress = \"80\"\nbacklog = 4294967296\n",
                  "5:11 listener[1].backlog", "1 to 2147483647");
    check_mistake(minimal + "[[listener]]\naddress = \"80\"\nmark = 4294967296\n",
                  "5:8 listener[1].mark", "0 to 4294967295");
    check_mistake(minimal + "[[listener]]\naddress = \"80\"\nreceive_buffer = \"4G\"\n",
                  "5:18 listener[1].receive_buffer", "2147483647");
    check_mistake(minimal + "limits = { nofile = -1 }\n", "3:21 service.limits.nofile",
                  "not negative");
    check_mistake(minimal + "[[listener]]\naddress = \"80\"\ndefer_accept = \"1500ms\"\n",
                  "5:16 listener[1].defer_accept", "whole seconds");
}

TEST_CASE("a text that says nothing right is said with what would") {
    check_mistake(minimal + "[ready]\ntimeout = \"60\"\n", "4:11 ready.timeout",
                  "its unit is missing");
    check_mistake(minimal + "[rollout]\nmax_surge = \"a lot\"\n", "4:13 rollout.max_surge",
                  "\"a lot\" is not a count or a percentage");
    check_mistake(minimal + "[rollout]\nmax_surge = \"101%\"\n", "4:13 rollout.max_surge", "100%");
    check_mistake(minimal + "[rollout]\nmax_surge = \"%\"\n", "4:13 rollout.max_surge", "25%");
    check_mistake(minimal + "umask = \"0898\"\n", "3:9 service.umask", "octal");
    check_mistake(minimal + "umask = 22\n", "3:9 service.umask", "write umask = \"0027\"");
    check_mistake(minimal + "limits = { core = \"much\" }\n", "3:19 service.limits.core",
                  "write 65536, \"64M\", \"infinity\" or [soft, hard]");
    check_mistake(minimal + "limits = { core = [1] }\n", "3:19 service.limits.core",
                  "this one has 1 elements");
    check_mistake(minimal + "session = \"proces-group\"\n", "3:11 service.session",
                  "did you mean \"process-group\"?");
    check_mistake(minimal + "[restart]\npolicy = \"sometimes\"\n", "4:10 restart.policy",
                  "write \"always\" or \"on-failure\" or \"never\"");
    check_mistake(minimal + "[stop]\nsignal = \"SIGQIUT\"\n", "4:10 stop.signal",
                  "did you mean SIGQUIT?");
    check_mistake(minimal + "[[listener]]\naddress = \"localhost:80\"\n",
                  "4:11 listener[1].address", "write 127.0.0.1 or [::1]");
    check_mistake(minimal + "[[listener]]\naddress = \"unix:/a\"\nmode = \"rw\"\n",
                  "5:8 listener[1].mode", "write mode = \"0660\"");
    check_mistake(minimal + "user = \"\"\n", "3:8 service.user", "it is empty");
}

TEST_CASE("a listener without an address is said once") {
    check_mistake(minimal + "\n[[listener]]\nbacklog = 5\n", "4:1 listener[1].address",
                  "where to listen is missing");
}

TEST_CASE("columns count characters, and lines also where they end with CR LF") {
    check_mistake("[service]\r\ncommand = [\"/a\"]\r\ncheck = [\"ü\", 5]\r\n", "3:15 service.check",
                  "an integer");
}

TEST_CASE("all mistakes of a file are reported at once, in the order of the file") {
    const std::string text = R"([service]
comand = ["/usr/bin/web"]
user = 5

[[listener]]
address = "0.0.0.0"
backlog = "big"

[[listener]]
address = "unix:/run/web.sock"
nodelay = true

[rollout]
replicas = 5000
max_surge = 0

[stop]
grace = "30"
grace_max = "1s"
)";
    CHECK(
        mistakes_of(text) ==
        R"(1:1: [service] command: what to run is missing; write command = ["/usr/bin/web", "--port-from-fd"]
2:1: [service] comand: there is no such key; did you mean command?
3:8: [service] user: an integer stands here; write user = "web"
6:11: [[listener]] 1, address: "0.0.0.0" is not an address to listen on: its port is missing; write 0.0.0.0:8080
7:11: [[listener]] 1, backlog: a string stands here; write a whole number from 1 to 2147483647
11:11: [[listener]] 2, nodelay: nodelay has a meaning only on a TCP listener, not on "unix:/run/web.sock"; take it out
14:12: [rollout] replicas: 5000 is out of range; write a number from 0 to 1000
15:13: [rollout] max_surge: max_surge and max_unavailable are both 0, so that no worker could ever be replaced; write max_surge = 1
18:9: [stop] grace: "30" is not a duration: its unit is missing; write 30s, 1m30s or 250ms
)");
}

TEST_CASE("what one key does to another is found whatever else is wrong with either") {
    const auto keys = [](const std::string& text) {
        std::string all;
        for (const Mistake& mistake : parse_service_file(text).mistakes)
            all += mistake.key + '\n';
        return all;
    };
    const std::string next = "[[listener]]\naddress = \"127.0.0.1:8081\"\npreview = true\n";
    const std::string fd = "[ready]\non = \"fd\"\nfd = 3\n";
    CHECK(keys(minimal + next + "backlog = \"many\"\n" + fd) ==
          "listener[1].preview\nlistener[1].backlog\nready.fd\n");
    CHECK(keys(minimal + "[[listener]]\naddress = \"nowhere\"\npreview = true\n" + fd) ==
          "listener[1].address\nlistener[1].preview\nready.fd\n");
    // The strategy is known, and wrong for another reason.
    for (const char* strategy : {"canary", "in-place"})
        CHECK(keys(minimal + next + "[rollout]\nreplicas = 2\nstrategy = \"" + strategy + "\"\n") ==
              "listener[1].preview\nrollout.strategy\n");
    CHECK(keys(minimal + next + "[rollout]\nstrategy = \"rolling\"\nkeep_old = \"5m\"\n") ==
          "listener[1].preview\nrollout.keep_old\n");
    // Of one that cannot be read nobody knows.
    CHECK(keys(minimal + next + "[rollout]\nstrategy = \"green\"\n") == "rollout.strategy\n");
    // Two reasons against one value.
    CHECK(keys(minimal + "limits = { nofile = 3 }\n[[listener]]\naddress = \"127.0.0.1:8081\"\n" +
               fd) == "ready.fd\nready.fd\n");
    CHECK(keys(minimal + "[[listener]]\naddress = \"unix:/run/next.sock\"\npreview = true\n") ==
          "listener[1].preview\nlistener[1].preview\n");
    // A probe that another worker may answer.
    CHECK(keys(minimal + "[[listener]]\naddress = \"127.0.0.1:8081\"\nbacklog = 0\n[ready]\n" +
               "probe = { http = \"http://127.0.0.1:8081/\" }\n") ==
          "listener[1].backlog\nready.probe.http\n");
    CHECK(keys(minimal + "[[listener]]\naddress = \"127.0.0.1:8081\"\nbacklog = 0\n[ready]\n" +
               "probe = { http = \"/\", listener = \"own\" }\n") ==
          "listener[1].backlog\nready.probe.listener\n");
}

TEST_CASE("what follows from a mistake is not reported as another one") {
    // grace_max is shorter than the default grace, but grace is not known.
    check_mistake(minimal + "[stop]\ngrace = 60\ngrace_max = \"10s\"\n", "4:9 stop.grace",
                  "an integer");
}

TEST_CASE("a hundred mistakes are enough to begin with") {
    std::string text = minimal;
    for (int i = 0; i < 1000; ++i)
        text += "unknown" + std::to_string(i) + " = 1\n";
    const auto mistakes = parse_service_file(text).mistakes;
    REQUIRE(mistakes.size() == 101);
    CHECK(mistakes.back().message == "there are more mistakes; correct these first");
}
