// What svc check says of probes, hooks, liveness, recycling and reloads in place.
#include "helpers.h"

using namespace svc;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

void says(const std::string& file, const std::string& words) {
    const std::string text = explain_spec(spec_of(file), "web");
    CAPTURE(text);
    CHECK(text.find(words) != std::string::npos);
}

} // namespace

TEST_CASE("a file with all of it is explained in order") {
    const std::string text = explain_spec(spec_of(R"([service]
command = ["/usr/bin/web"]
pre_start = { exec = ["/bin/migrate"] }
[[listener]]
name = "http"
address = "8080"
[[listener]]
name = "health"
address = "127.0.0.1:0"
private = true
[ready]
startup = { exec = ["/bin/warm"], failure_threshold = 30 }
probe = { http = "/healthz", listener = "health", success_threshold = 2 }
post_ready = { sleep = "1s" }
[live]
watchdog = "10s"
probe = { tcp = "unix:@web-{pid}", interval = "5s", initial_delay = "1m" }
[recycle]
max_age = "1d"
max_memory = "512M"
[rollout]
before = { exec = ["/bin/announce"] }
after = { exec = ["/bin/smoke"], on_failure = "fail" }
failed = { exec = ["/bin/page"] }
memory_check = "refuse"
min_ready = "5s"
[stop]
pre_stop = { exec = ["/bin/leave"], timeout = "5s", on_failure = "fail" }
post_stop = { exec = ["/bin/clean"] }
)"),
                                          "web");
    CHECK(
        text ==
        R"(Service web. It listens on 0.0.0.0:8080 (http), 127.0.0.1:0 (health, one for each worker).
Each worker runs: /usr/bin/web
It runs as the supervisor's own user, in /.
Before each worker starts: run: /bin/migrate (at most 1m); if that fails, the worker counts as not launched.
1 worker serves. A rollout starts up to 1 more and retires old ones only while at least 1 are available; with those that drain there are never more than 3 workers.
Before anything moves: run: /bin/announce (at most 1m); if that fails, the rollout fails.
When all new workers are available: run: /bin/smoke (at most 1m); if that fails, the rollout fails.
When a rollout failed: run: /bin/page (at most 1m).
A rollout is refused if more workers at a time would need more memory than there is.
It is taken back as soon as a new worker fails, or when nothing moved for 10m.
Nothing else counts before this succeeds (tried every 1s for at most 1s): run: /bin/warm; it has failed if that fails 30 times in a row.
A worker is ready when this succeeds 2 times in a row (tried every 1s for at most 1s): GET /healthz at its own socket of listener health, and has failed if that was not so within 1m.
Then: wait 1s; if that fails, the worker has failed; it is available once it has been ready for 5s.
A ready worker counts as broken when it did not send WATCHDOG=1 for 10s, or fails at this 3 times in a row (tried every 5s for at most 1s, first after 1m): connect to unix:@web-{pid}. It is drained, and another one is started.
A worker is replaced by a new one of its revision when it has been available for 1d (some earlier, by up to a fifth, so that not all go at a time), or it uses more than 512 MiB of memory of its own, looked at every 10s.
To stop a worker:
  - run: /bin/leave (at most 5s, while it still serves; if that fails, the rollout that replaces the worker fails)
  - send SIGTERM to it and wait for its exit
  - 30s after the beginning, kill what is left of it (it may ask for up to 10m)
  - run: /bin/clean (at most 10s)
A worker that ends by itself is started again after 100ms, then twice as long each time, up to 30s.
)");
}

TEST_CASE("readiness over a file descriptor is explained") {
    says(minimal + "[ready]\non = \"fd\"\n",
         "when it writes a newline to the file descriptor that SVC_READY_FD says, and has failed");
    says(minimal + "[ready]\non = \"fd\"\nfd = 7\n", "writes a newline to file descriptor 7, and");
}

TEST_CASE("readiness over Node's IPC is explained") {
    says(minimal + "[ready]\non = \"ipc\"\n",
         "A worker is ready when it calls process.send('ready'), and has failed if it did not "
         "within 1m");
}

TEST_CASE("a reload in place is explained, and when workers are replaced after all") {
    const std::string rollout = minimal + "[rollout]\nstrategy = \"in-place\"\n";
    const std::string verified =
        rollout + "in_place = { reload = { signal = \"SIGHUP\" }, verify = { exec = [\"/bin/ok\"], "
                  "timeout = \"5s\" }, revert = { exec = [\"/bin/back\"] } }\n";
    says(verified, "A rollout has each worker reload itself, one after the other:\n"
                   "  - send SIGHUP to it\n"
                   "  - then this must succeed: run: /bin/ok (at most 5s)\n"
                   "  - at a rollback run: /bin/back\n"
                   "A worker that is started counts as ready only when that succeeds, too, within "
                   "ready.timeout.\n"
                   "Where a reload cannot do (another program, command, environment, user or "
                   "listener), workers are replaced: A rollout starts up to 1 more");
    const std::string bare = rollout + "in_place = { reload = { signal = \"SIGHUP\" } }\n";
    says(bare, "  - then it must send RELOADING=1, and READY=1 when it is done\n"
               "  - at a rollback it is replaced by one that reads the files as they are then\n");
}

TEST_CASE("a preview is said to lead to the newest set") {
    says(minimal + "[[listener]]\nname = \"next\"\naddress = \"127.0.0.1:8081\"\npreview = true\n"
                   "[rollout]\nstrategy = \"blue-green\"\n",
         "127.0.0.1:8081 (next, which leads to the newest set only)");
}
