#include "helpers.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;
using namespace std::chrono_literals;

TEST_CASE("a file with a command alone means the defaults") {
    Spec expected;
    expected.process.command = {"/usr/bin/web"};
    CHECK(spec_of(minimal) == expected);
}

TEST_CASE("every key of [service] reaches the spec") {
    const Spec spec = spec_of(R"(
[service]
command = ["${release}/bin/web", "--price=$$5"]
release = "/srv/web/current"
inputs = ["/etc/web.conf", "${release}/config"]
check = ["${release}/bin/web", "--check-config"]
check_timeout = "5s"
directory = "${release}"
user = "web"
group = "www"
supplementary_groups = ["ssl-cert", "adm"]
environment = { RUST_LOG = "info", EMPTY = "" }
environment_files = ["/etc/web.env", "-/etc/web.local"]
umask = "0027"
limits = { nofile = 65536, core = "infinity", stack = ["8M", "infinity"] }
nice = -5
oom_score_adj = 1000
no_new_privileges = true
session = "session"
protocol = ["nginx", "unicorn", "nginx"]
listen_pid = "omit"
stderr = "inherit"
)");
    const ProcessSpec& process = spec.process;
    CHECK(process.command == std::vector<std::string>{"${release}/bin/web", "--price=$$5"});
    CHECK(process.release == "/srv/web/current");
    CHECK(process.inputs == std::vector<std::string>{"/etc/web.conf", "${release}/config"});
    CHECK(process.check == std::vector<std::string>{"${release}/bin/web", "--check-config"});
    CHECK(process.check_timeout == 5s);
    CHECK(process.directory == "${release}");
    CHECK(process.user == "web");
    CHECK(process.group == "www");
    CHECK(process.supplementary_groups == std::vector<std::string>{"ssl-cert", "adm"});
    CHECK(process.environment ==
          std::map<std::string, std::string>{{"RUST_LOG", "info"}, {"EMPTY", ""}});
    CHECK(process.environment_files == std::vector<std::string>{"/etc/web.env", "-/etc/web.local"});
    CHECK(process.umask == 027u);
    CHECK(process.limits.at("nofile") == ResourceLimit{65536, 65536});
    CHECK(process.limits.at("core") == ResourceLimit{UINT64_MAX, UINT64_MAX});
    CHECK(process.limits.at("stack") == ResourceLimit{8u << 20, UINT64_MAX});
    CHECK(process.nice == -5);
    CHECK(process.oom_score_adj == 1000);
    CHECK(process.no_new_privileges);
    CHECK(process.session == Session::session);
    CHECK(process.protocols ==
          std::vector<SocketProtocol>{SocketProtocol::nginx, SocketProtocol::unicorn});
    CHECK(process.listen_pid == ListenPid::omit);
    CHECK(process.error_output == ErrorOutput::inherit);
}

TEST_CASE("every key of [[listener]] reaches the spec") {
    const Spec spec = spec_of(minimal + R"(
[[listener]]
name = "https"
address = "[::]:443"
v6only = false
reuse_port = true
free_bind = true
transparent = true
bind_to_device = "lo"
nonblock = true
backlog = 128
tcp_fastopen = 16
defer_accept = "5s"
keepalive = true
nodelay = false
receive_buffer = "256K"
send_buffer = 4096
mark = 4294967295
[[listener]]
address = "unix:/run/web.sock"
mode = "0660"
owner = "web"
group = "www"
[[listener]]
address = 8080
defer_accept = 7
)");
    REQUIRE(spec.listeners.size() == 3);
    const ListenerSpec& https = spec.listeners[0];
    CHECK(https.name == "https");
    CHECK(https.address == parse_address("[::]:443").value());
    ListenerOptions expected;
    expected.v6only = false;
    expected.reuse_port = expected.free_bind = expected.transparent = expected.nonblock = true;
    expected.bind_to_device = "lo";
    expected.backlog = 128;
    expected.tcp_fastopen = 16;
    expected.defer_accept = 5;
    expected.keepalive = true;
    expected.nodelay = false;
    expected.receive_buffer = 256u * 1024;
    expected.send_buffer = 4096;
    expected.mark = 4294967295;
    CHECK(https.options == expected);
    ListenerOptions unix_options;
    unix_options.mode = 0660;
    unix_options.owner = "web";
    unix_options.group = "www";
    CHECK(spec.listeners[1].options == unix_options);
    CHECK(spec.listeners[2].options.defer_accept == 7u);
}

TEST_CASE("a listener without a name is named after its address") {
    const auto name = [](std::string_view text) {
        return default_listener_name(parse_address(text).value());
    };
    CHECK(name("8080") == "tcp-8080");
    CHECK(name("[::]:443") == "tcp6-443");
    CHECK(name("udp:53") == "udp-53");
    CHECK(name("udp:[::1]:53") == "udp6-53");
    CHECK(name("unix:/run/web.sock") == "web.sock");
    CHECK(name("unix:/run/my web:1") == "my_web_1");
    CHECK(name("unix:@app/http") == "http");
    CHECK(name("systemd:web.socket") == "web.socket");
    CHECK(spec_of(minimal + "[[listener]]\naddress = \"8080\"\n").listeners[0].name == "tcp-8080");
}

TEST_CASE("every key of the other tables reaches the spec") {
    const Spec spec = spec_of(minimal + R"(
[[listener]]
address = "8080"
[ready]
on = "started"
notify_access = "main"
timeout = "1m30s"
delay = "2s"
[rollout]
replicas = 4
strategy = "rolling"
max_surge = "25%"
max_unavailable = 1
min_ready = "5s"
progress_deadline = "20m"
max_total = 12
on_failure = "rollback"
[stop]
pre_stop = { sleep = "5s" }
post_stop = { exec = ["/bin/true"], timeout = "3s" }
signal = "SIGQUIT"
grace = "1h"
min_stop = "500ms"
wait_idle = "20m"
grace_max = "2h"
[restart]
policy = "on-failure"
backoff = { min = "1s", max = "1m" }
)");
    CHECK(spec.ready == ReadySpec{.on = ReadyOn::started,
                                  .notify_access = NotifyAccess::main,
                                  .timeout = 90s,
                                  .delay = 2s});
    CHECK(spec.rollout == RolloutSpec{.replicas = 4,
                                      .max_surge = {25, true},
                                      .max_unavailable = {1, false},
                                      .min_ready = 5s,
                                      .progress_deadline = 20min,
                                      .max_total = 12u});
    CHECK(spec.stop == StopSpec{HookSpec{SleepHook{5s}, {}, HookFailure::ignore},
                                HookSpec{ExecHook{{"/bin/true"}}, 3s, HookFailure::ignore}, 20min,
                                SIGQUIT, 1h, 500ms, 2h});
    CHECK(spec.restart == RestartSpec{RestartPolicy::on_failure, 1s, 1min});
}

TEST_CASE("a table may be written with dotted keys") {
    const Spec spec = spec_of("service.command = [\"/bin/a\"]\nrestart.backoff.max = \"1m\"\n");
    CHECK(spec.process.command == std::vector<std::string>{"/bin/a"});
    CHECK(spec.restart.backoff_max == 1min);
}

TEST_CASE("a grace above the usual grace_max takes it along") {
    CHECK(spec_of(minimal + "[stop]\ngrace = \"1h\"\n").stop.grace_max == 1h);
    CHECK(spec_of(minimal + "[stop]\ngrace = \"1m\"\n").stop.grace_max == 10min);
}

TEST_CASE("no replicas is a right number of replicas") {
    CHECK(spec_of(minimal + "[rollout]\nreplicas = 0\n").rollout.replicas == 0);
}

TEST_CASE("16,000 listeners are read in reasonable time") {
    std::string text = minimal;
    for (int i = 0; i < 16'000; ++i)
        text += "[[listener]]\naddress = \"unix:@" + std::to_string(i) + "\"\n";
    REQUIRE(text.size() < service_file_limit);
    CHECK(spec_of(text).listeners.size() == 16'000);
}

TEST_CASE("the examples are right service files" *
          doctest::skip(std::getenv("SVC_EXAMPLES") == nullptr)) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::getenv("SVC_EXAMPLES"))) {
        if (entry.path().extension() != ".toml")
            continue;
        std::ostringstream text;
        text << std::ifstream(entry.path()).rdbuf();
        INFO(entry.path().string());
        CHECK(mistakes_of(text.str()).empty());
        ++count;
    }
    CHECK(count > 0);
}

TEST_CASE("what is kept of a revision has its defaults and its bounds") {
    CHECK(spec_of(minimal).rollout.history == 10);
    CHECK(spec_of(minimal + "[rollout]\nhistory = 1000\n").rollout.history == 1000);
    CHECK(spec_of(minimal).process.keep_executable == rollout::KeepExecutable::open);
    CHECK(spec_of(minimal + "keep_executable = \"copy\"\n").process.keep_executable ==
          rollout::KeepExecutable::copy);
    check_mistake(minimal + "[rollout]\nhistory = 0\n", "4:11 rollout.history", "from 1 to 1000");
    check_mistake(minimal + "keep_executable = \"yes\"\n", "3:19 service.keep_executable", "copy");
}
