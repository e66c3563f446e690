#include "svc/draw/overview.h"
#include "svc/draw/render.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

using namespace svc;
using namespace svc::cli;
using namespace svc::wire;
using namespace std::chrono_literals;

namespace {

// 2026-11-22 02:08:09 UTC
constexpr WallTime now{std::chrono::seconds(1795313289)};

struct Utc {
    Utc() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
} const utc;

Terminal wide(std::size_t width) {
    return {.interactive = true, .color = false, .width = width};
}

ServiceStatus rolling() {
    ServiceStatus status;
    status.service = "web";
    status.summary = "rolling 6 → 7: 1/2 updated";
    status.revision = 6;
    status.cause = "reload: CVE fix";
    status.revision_made_at_us = (now - 192s).time_since_epoch().count();
    status.replicas = 2;
    status.available = 2;
    status.supervisor_pid = 4711;
    status.service_file = "/etc/svc/web.toml";
    status.rollout = {{.phase = "progressing", .from = 6, .to = 7, .updated = 1}};
    status.workers = {
        {"r6-0", 6, 0, "draining", 4720, 190'400'000, "pre-stop hook, 28s of grace left",
         "finishing 12 requests of clients that are slow"},
        {"r7-0", 7, 0, "available", 4790, 4'000'000, "", "serving"},
        {"r6-1", 6, 1, "available", 4721, 190'000'000, "", "serving"},
    };
    status.replica_list = {{.index = 0}, {.index = 1, .restarts = 3}};
    status.listeners = {{"http", "0.0.0.0:8080", 1, 4096}, {"admin", "unix:/run/web.sock", 1, 128}};
    return status;
}

} // namespace

TEST_CASE("a status fits on 80 columns") {
    CHECK(render_status(rolling(), now, wide(80)) ==
          R"(web: rolling 6 → 7: 1/2 updated
  revision  6, reload: CVE fix, 2026-11-22 02:04:57 (3m12s ago)
  rollout   progressing, 6 → 7
  file      /etc/svc/web.toml
  svcd      pid 4711

REPLICA  REV  STATE      PID   AGE    RESTARTS  WAITS FOR
0        6    draining   4720  3m10s  0         pre-stop hook, 28s of grace left
         └ finishing 12 requests of clients that are slow
0        7    available  4790  4s     0
         └ serving
1        6    available  4721  3m10s  3
         └ serving

LISTENER  ADDRESS             BACKLOG
http      0.0.0.0:8080        4096
admin     unix:/run/web.sock  128
)");
}

TEST_CASE("a status shows everything on 200 columns and where there is no terminal") {
    const auto text = render_status(rolling(), now, wide(200));
    CHECK(text == render_status(rolling(), now, Terminal{}));
    CHECK(text.find("0        6    draining   4720  3m10s  0         pre-stop hook, 28s of "
                    "grace left  finishing 12 requests of clients that are slow\n") !=
          std::string::npos);
}

TEST_CASE("a rollout that failed is shown with its reason and the worker's last words") {
    ServiceStatus status;
    status.service = "web";
    status.summary = "revision 6, 0/1 available";
    status.replicas = 1;
    status.rollout = {{.phase = "rolled back",
                       .to = 7,
                       .reason = "r7-0: exit status 1",
                       .last_output = {"Traceback", "  \x1b[31mKeyError"}}};
    status.replica_list = {
        {.index = 0, .restarts = 2, .waits_for = "restart in 12s (exit status 1)"}};
    CHECK(render_status(status, now, wide(80)) == R"(web: revision 6, 0/1 available
  rollout   rolled back, revision 7: r7-0: exit status 1
    | Traceback
    |   ?[31mKeyError

REPLICA  REV  STATE  PID  AGE  RESTARTS  WAITS FOR
0        -    down   -    -    2         restart in 12s (exit status 1)
)");
}

TEST_CASE("where nothing helps, the last columns are cut") {
    const auto text = render_status(rolling(), now, wide(60));
    CHECK(text.find("0        6    draining   4720  3m10s  0         pre-stop ho…\n") !=
          std::string::npos);
    CHECK(text.find("         └ finishing 12 requests of clients that are slow\n") !=
          std::string::npos);
}

TEST_CASE("what a worker says cannot write to the terminal") {
    auto status = rolling();
    status.service = "w\x1b]0;x\x07";
    status.workers[1].status_text = "a\nb\x1b[2J";
    status.listeners[0].address = "\x9b";
    const auto text = render_status(status, now, wide(200));
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\x07') == std::string::npos);
    CHECK(text.find("a?b?[2J") != std::string::npos);
}

TEST_CASE("colors are used only where they are wanted") {
    CHECK(render_status(rolling(), now, wide(80)).find('\x1b') == std::string::npos);
    auto colored = wide(80);
    colored.color = true;
    CHECK(render_status(rolling(), now, colored).find("\x1b[32mavailable\x1b[0m") !=
          std::string::npos);
}

TEST_CASE("of a thousand listeners some are shown, and how many are not") {
    auto status = rolling();
    status.listeners.resize(1000, {"l", "127.0.0.1:1", 1, 1});
    CHECK(render_status(status, now, wide(80)).ends_with("… and 980 more; --json shows all\n"));
}

TEST_CASE("all services are a line each, those that do not run too, with what is wrong below") {
    ServiceStatus sick = rolling();
    sick.rollout = {{.phase = "rolled back", .to = 7, .reason = "r7-0: exit status 1"}};
    sick.available = 1;
    sick.workers[1].memory = 20u << 20;
    sick.workers[2].connections = 12;
    sick.replica_list[0].waits_for = "restart in 12s (exit status 1)";
    const std::vector<Seen> services{
        {"api", std::nullopt, "not running"}, {"shop", sick, {}}, {"web", rolling(), {}}};
    CHECK(render_services(services, wide(100)) ==
          R"(SERVICE  STATE        REV  AVAILABLE  WORKERS  RESTARTS  MEM  CONNS  UNDER WAY
api      not running
shop     degraded     6    1/2        3        3         20M  12
         └ revision 7 rolled back: r7-0: exit status 1; replica 0: restart in 12s (exit status 1)
web      rolling out  6    2/2        3        3         ?    ?      rolling 6 → 7: 1/2 updated
)");
    CHECK(render_services({}, wide(80)).empty());
}

TEST_CASE("a size takes four columns") {
    CHECK(short_size(0) == "0K");
    CHECK(short_size(999u << 10) == "999K");
    CHECK(short_size(1000u << 10) == "1.0M");
    CHECK(short_size(9u << 20) == "9.0M");
    CHECK(short_size(512u << 20) == "512M");
    CHECK(short_size(std::uint64_t{1} << 40) == "1.0T");
}

TEST_CASE("an event is one line with its time and number") {
    rollout::Event event;
    event.sequence = 12;
    event.at = now;
    event.worker_name = "r7-0";
    event.text = "r7-0 is ready";
    CHECK(render_event(event) == "2026-11-22 02:08:09  12    r7-0 is ready\n");
    event.text = "exit status 1";
    CHECK(render_event(event) == "2026-11-22 02:08:09  12    r7-0: exit status 1\n");
}

TEST_CASE("text is measured in columns") {
    CHECK(columns_of("abc") == 3);
    CHECK(columns_of("ä→") == 2);
    CHECK(columns_of("日本") == 4);
    CHECK(columns_of("e\u0301") == 1);
    CHECK(fit("abcdef", 4) == "abc…");
    CHECK(fit("abcd", 4) == "abcd");
    CHECK(fit("日本語", 4) == "日…");
    CHECK(fit("abc", 0).empty());
    CHECK(padded("ä", 3) == "ä  ");
}

TEST_CASE("what a rollout stands still for is never cut") {
    ServiceStatus status;
    status.service = "web";
    RolloutStatus rollout;
    rollout.phase = "paused";
    rollout.from = 6;
    rollout.to = 7;
    rollout.step = "canary: step 1 of 3, 2 of 10 workers new, waits for svc promote";
    rollout.paused = "for 5m, asked for by uid 0: " + std::string(60, 'x');
    rollout.failure = "r7-0: exit status 1";
    status.rollout = {rollout};
    status.kept = "revision 5, 4 workers, for 9m50s more";
    status.frozen = "by uid 0: quarter end";
    const std::string text = render_status(status, WallTime{}, Terminal{true, false, 40});
    for (const auto& line : {"  rollout   paused, 6 → 7\n",
                             "  step      canary: step 1 of 3, 2 of 10 workers new, waits "
                             "for svc promote\n",
                             "xxxx\n", "  failed    r7-0: exit status 1\n",
                             "  kept      revision 5, 4 workers, for 9m50s "
                             "more\n",
                             "  frozen    by uid 0: quarter end\n"})
        CHECK(text.find(line) != std::string::npos);
}
