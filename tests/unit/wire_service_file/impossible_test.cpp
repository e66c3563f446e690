// Combinations that cannot work.
#include "helpers.h"

#include <csignal>

using namespace svc;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

namespace {

std::string listener(const std::string& lines) {
    return minimal + "[[listener]]\n" + lines;
}

} // namespace

TEST_CASE("a command that runs nothing is refused") {
    check_mistake("[service]\ncommand = []\n", "2:11 service.command", "the command is empty");
    check_mistake("[service]\ncommand = [\"\"]\n", "2:11 service.command",
                  "the program's name is empty");
    check_mistake(minimal + "[stop]\npre_stop = { exec = [] }\n", "4:21 stop.pre_stop.exec",
                  "the command is empty");
}

TEST_CASE("${release} needs a release, and nothing else is replaced") {
    check_mistake("[service]\ncommand = [\"${release}/web\"]\n", "2:11 service.command",
                  "there is no release");
    check_mistake(minimal + "environment = { A = \"${release}\" }\n", "3:21 service.environment.A",
                  "there is no release");
    check_mistake(minimal + "directory = \"/srv/${HOME}\"\n", "3:13 service.directory",
                  "there is no ${HOME}; write ${release}");
    check_mistake(minimal + "check = [\"/a\", \"${release\"]\n", "3:9 service.check",
                  "\"${\" has no \"}\"");
    CHECK(
        mistakes_of("[service]\ncommand = [\"/a\", \"$${release}\", \"$HOME\", \"$\"]\n").empty());
}

TEST_CASE("{fd:NAME} names a listener, and a protocol is one that there is") {
    check_mistake("[service]\ncommand = [\"/a\", \"fd@{fd:web}\"]\n", "2:11 service.command",
                  "{fd:web} names no listener");
    check_mistake(minimal + "environment = { FD = \"{fd:web}\" }\n", "3:22 service.environment.FD",
                  "{fd:web} names no listener");
    CHECK(mistakes_of(minimal + "environment = { A = \"{fd:web}{b} {fd:\" }\n" +
                      "[[listener]]\nname = \"web\"\naddress = \"127.0.0.1:80\"\n")
              .empty());
    check_mistake(minimal + "protocol = [\"apache\"]\n", "3:12 service.protocol",
                  "\"apache\" is not a protocol for sockets; there are listen-fds, server-starter");
    check_mistake(minimal + "protocol = \"nginx\"\n", "3:12 service.protocol", "listen-fds");
}

TEST_CASE("paths are absolute") {
    check_mistake(minimal + "directory = \"srv\"\n", "3:13 service.directory", "absolute");
    check_mistake(minimal + "release = \"srv\"\n", "3:11 service.release", "absolute");
    check_mistake(minimal + "inputs = [\"a\"]\n", "3:10 service.inputs", "absolute");
    check_mistake(minimal + "environment_files = [\"-a\"]\n", "3:21 service.environment_files",
                  "absolute");
}

TEST_CASE("variables that svc sets itself are refused") {
    for (const std::string name : {"LISTEN_FDS", "NOTIFY_SOCKET", "SVC_REVISION", "WATCHDOG_USEC"})
        check_mistake(minimal + "environment = { " + name + " = \"1\" }\n",
                      "3:" + std::to_string(20 + name.size()) + " service.environment." + name,
                      "svc sets this variable itself");
    // Only where there is such a channel.
    const std::string channel = minimal + "environment = { NODE_CHANNEL_FD = \"9\" }\n";
    check_mistake(channel + "[ready]\non = \"ipc\"\n", "3:35 service.environment.NODE_CHANNEL_FD",
                  "svc sets this variable itself");
    CHECK(mistakes_of(channel).empty());
    check_mistake(minimal + "environment = { \"A=B\" = \"1\" }\n", "3:25 service.environment.A=B",
                  "has no = in it");
}

TEST_CASE("a soft limit is not above the hard one") {
    check_mistake(minimal + "limits = { nofile = [2, 1] }\n", "3:21 service.limits.nofile",
                  "the soft limit is above the hard one");
}

TEST_CASE("a time limit without what it limits is refused") {
    check_mistake(minimal + "check_timeout = \"5s\"\n", "3:17 service.check_timeout",
                  "there is no check");
    check_mistake(minimal + "[stop]\npost_stop = { timeout = \"5s\" }\n", "4:13 stop.post_stop",
                  "it does not say what to do");
}

TEST_CASE("listeners that cannot be told apart are refused") {
    const std::string one = "[[listener]]\nname = \"a\"\naddress = \"80\"\n";
    check_mistake(minimal + one + "[[listener]]\nname = \"a\"\naddress = \"81\"\n",
                  "7:8 listener[2].name", "is the name of listener 1 too");
    check_mistake(minimal + one + "[[listener]]\nname = \"b\"\naddress = \"0.0.0.0:80\"\n",
                  "8:11 listener[2].address", "is bound by listener 1 already");
    check_mistake(minimal + "[[listener]]\naddress = \"127.0.0.1:80\"\n" +
                      "[[listener]]\naddress = \"127.0.0.2:80\"\n",
                  "5:1 listener[2].name", "\"tcp-80\" is the name of listener 1 too");
    check_mistake(minimal + "[[listener]]\nname = \"a\"\naddress = \"unix:/a\"\n" +
                      "[[listener]]\nname = \"b\"\naddress = \"unix-dgram:/a\"\n",
                  "8:11 listener[2].address", "is bound by listener 1 already");
}

TEST_CASE("several listeners may ask for any port, and TCP and UDP may share one") {
    CHECK(mistakes_of(minimal + "[[listener]]\nname = \"a\"\naddress = \"0\"\n"
                                "[[listener]]\nname = \"b\"\naddress = \"0\"\n")
              .empty());
    CHECK(mistakes_of(minimal + "[[listener]]\naddress = \"53\"\n"
                                "[[listener]]\naddress = \"udp:53\"\n")
              .empty());
}

TEST_CASE("a listener's name fits into LISTEN_FDNAMES") {
    check_mistake(listener("name = \"a:b\"\naddress = \"80\"\n"), "4:8 listener[1].name", "colon");
    check_mistake(listener("name = \"a b\"\naddress = \"80\"\n"), "4:8 listener[1].name", "space");
    check_mistake(listener("name = \"ä\"\naddress = \"80\"\n"), "4:8 listener[1].name", "ASCII");
    check_mistake(listener("name = \"stored\"\naddress = \"80\"\n"), "4:8 listener[1].name",
                  "systemd uses for other things");
    check_mistake(listener("name = \"" + std::string(256, 'a') + "\"\naddress = \"80\"\n"),
                  "4:8 listener[1].name", "at most 255 bytes, this one has 256");
}

TEST_CASE("an option that a socket cannot have is refused") {
    const auto refused = [](const std::string& address, const std::string& option,
                            const std::string& words) {
        const std::string key = option.substr(0, option.find(' '));
        check_mistake(listener("address = \"" + address + "\"\n" + option + "\n"),
                      "5:" + std::to_string(option.find("= ") + 3) + " listener[1]." + key, words);
    };
    refused("0.0.0.0:80", "v6only = true", "only on an IPv6 listener");
    refused("unix:/a", "keepalive = true", "only on a TCP listener");
    refused("unix:/a", "nodelay = false", "only on a TCP listener");
    refused("udp:53", "defer_accept = 1", "only on a TCP listener");
    refused("udp:53", "tcp_fastopen = 1", "only on a TCP listener");
    refused("udp:53", "backlog = 1", "only on a listener that takes connections");
    refused("unix-dgram:/a", "backlog = 1", "only on a listener that takes connections");
    refused("unix:/a", "reuse_port = true", "only on a TCP or UDP listener");
    refused("unix:/a", "free_bind = true", "only on a TCP or UDP listener");
    refused("unix:/a", "transparent = true", "only on a TCP or UDP listener");
    refused("unix:/a", "bind_to_device = \"lo\"", "only on a TCP or UDP listener");
    refused("unix:/a", "mark = 1", "only on a TCP or UDP listener");
    refused("unix:@a", "mode = \"0600\"", "only on a unix socket with a path");
    refused("0.0.0.0:80", "owner = \"web\"", "only on a unix socket with a path");
    refused("0.0.0.0:80", "group = \"web\"", "only on a unix socket with a path");
    refused("systemd:a", "nonblock = true", "what systemd made is set in its .socket unit");
    refused("systemd:a", "v6only = true", "what systemd made is set in its .socket unit");
    refused("0.0.0.0:80", "bind_to_device = \"sixteen-letters-\"", "network device's name");
    CHECK(mistakes_of(listener("address = \"systemd:a\"\nnodelay = true\nbacklog = 9\n")).empty());
}

TEST_CASE("more listeners than a worker can get are refused") {
    std::string text = "listener = [";
    for (int i = 0; i < 16'001; ++i)
        text += "{address=\"unix:@" + std::to_string(i) + "\"},";
    check_mistake(text + "]\n" + minimal, "1:12 listener", "16001 listeners are too many");
}

TEST_CASE("a rollout that could not move or end is refused") {
    const std::string rollout = minimal + "[rollout]\n";
    check_mistake(rollout + "max_surge = 0\n", "4:13 rollout.max_surge", "write max_surge = 1");
    check_mistake(rollout + "max_surge = \"0%\"\nmax_unavailable = \"0%\"\n",
                  "4:13 rollout.max_surge", "both 0");
    CHECK(mistakes_of(rollout + "max_surge = 0\nmax_unavailable = 1\n").empty());
    check_mistake(rollout + "replicas = 4\nmax_surge = \"30%\"\nmax_total = 5\n",
                  "6:13 rollout.max_total", "write 6 or more");
    CHECK(mistakes_of(rollout + "replicas = 4\nmax_surge = \"30%\"\nmax_total = 6\n").empty());
    check_mistake(rollout + "progress_deadline = \"5s\"\nmin_ready = \"3s\"\n" +
                      "[ready]\non = \"started\"\ndelay = \"2s\"\n",
                  "4:21 rollout.progress_deadline", "which takes 5s");
    check_mistake(rollout + "progress_deadline = \"0\"\n", "4:21 rollout.progress_deadline",
                  "too short");
}

TEST_CASE("a readiness that cannot come is refused") {
    const std::string ready = minimal + "[ready]\n";
    check_mistake(ready + "delay = \"2s\"\n", "4:9 ready.delay", "needs on = \"started\"");
    check_mistake(ready + "timeout = \"0\"\n", "4:11 ready.timeout", "too short");
}

TEST_CASE("a stop that could not go as written is refused") {
    const std::string stop = minimal + "[stop]\n";
    check_mistake(stop + "pre_stop = { exec = [\"/a\"] }\ngrace = \"2s\"\n", "4:12 stop.pre_stop",
                  "the hook has no time");
    check_mistake(stop + "pre_stop = { sleep = \"29s\" }\n", "4:22 stop.pre_stop.sleep",
                  "is cut short");
    CHECK(mistakes_of(stop + "pre_stop = { sleep = \"28s\" }\n").empty());
    check_mistake(stop + "post_stop = { sleep = \"11s\" }\n", "4:23 stop.post_stop.sleep",
                  "longer than its timeout (10s)");
    check_mistake(stop + "grace = \"30s\"\ngrace_max = \"10s\"\n", "5:13 stop.grace_max",
                  "write at least \"30s\"");
    check_mistake(stop + "grace = \"0\"\n", "4:9 stop.grace", "too short");
    check_mistake(stop + "signal = \"SIGSTOP\"\n", "4:10 stop.signal", "ends no worker");
    check_mistake(stop + "post_stop = { signal = \"SIGUSR1\" }\n", "4:24 stop.post_stop.signal",
                  "the worker is gone");
    check_mistake(stop + "pre_stop = { signal = \"SIGKILL\" }\n", "4:23 stop.pre_stop.signal",
                  "before it could drain");
    CHECK(mistakes_of(stop + "grace = \"1s\"\n").empty());
    check_mistake(stop + "wait_idle = \"20s\"\n", "4:13 stop.wait_idle", "nothing to wait for");
    const std::string listener = "[[listener]]\naddress = \"8080\"\n";
    CHECK(mistakes_of(stop + "wait_idle = \"28s\"\n" + listener).empty());
    check_mistake(stop + "wait_idle = \"29s\"\n" + listener, "4:13 stop.wait_idle",
                  "is cut short: the stop signal comes min_stop (2s) before grace (30s) is over");
    check_mistake(stop + "wait_idle = \"0\"\n" + listener, "4:13 stop.wait_idle", "too short");
}

TEST_CASE("a backoff has a smallest wait, and it is the smaller one") {
    const std::string restart = minimal + "[restart]\n";
    check_mistake(restart + "backoff = { min = \"1m\" }\n", "4:11 restart.backoff.max",
                  "write at least \"1m\"");
    check_mistake(restart + "backoff = { min = \"0\" }\n", "4:19 restart.backoff.min", "too short");
}

TEST_CASE("a spec that came from no file is checked alike") {
    rollout::Spec spec;
    spec.stop.grace_max = 1s;
    spec.rollout.replicas = 1001;
    spec.listeners.resize(1);
    const auto mistakes = check_spec(spec);
    std::string keys;
    for (const Mistake& mistake : mistakes) {
        CHECK(mistake.line == 0);
        keys += mistake.key + ' ';
    }
    // The shell expanded what it was typed into.
    spec.process.command = {"/bin/echo", "${HOME}", "$$"};
    spec.process.environment = {{"NOTIFY_SOCKET", "/run/systemd/notify"}, {"PS1", "${name}"}};
    CHECK(check_spec(spec).size() == mistakes.size() - 1);
    CHECK(keys == "service.command listener[1].name rollout.replicas stop.grace_max ");
}
