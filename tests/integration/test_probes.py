"""Readiness and startup probes with real processes: who is asked, what counts, what is refused."""
import os
import re

import example_web
from harness import PATIENCE, main, service, worker
from load import Load

# Of one try: a slow answer is one.
TIMEOUT = {"timeout": "60s"}
PRIVATE = {"name": "health", "address": "127.0.0.1:0", "private": True, "nonblock": True}
SHARED = {"name": "http", "address": "127.0.0.1:0", "nonblock": True}
NEVER = "5m"  # a test that passes does not wait for it


class ProbeTest(example_web.ExampleWebTest):

    def content(self, *options, ready=None, listeners=(SHARED,), **tables):
        return service(worker(*options), ready=ready or {}, listener=list(listeners), **tables)

    def path(self, name):
        return str(self.directory / name)

    def text(self, name):
        return (self.directory / name).read_text(encoding="utf-8")

    def rejected(self, supervisor, *words):
        """A reload that must fail with these words, while version 1 serves on."""
        before = sorted(supervisor.pids("available"))
        result = supervisor.svc("reload", timeout=2 * PATIENCE)
        said = result.stdout + result.stderr
        self.assertEqual(1, result.returncode, said)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(before, sorted(supervisor.pids("available")))
        self.assertTrue(supervisor.get().startswith("1 "))
        return said

    def deploys_under_load(self, content, version2):
        """Two versions, the second one under load without a lost request."""
        supervisor = self.start_settled(content)
        with Load(supervisor.address(), rate=200, keepalive=0) as load:
            supervisor.write(version2)
            self.reload(supervisor)
            self.assertTrue(supervisor.get().startswith("2 "))
        load.assert_no_failure(self)
        return supervisor


class WhoIsAsked(ProbeTest):
    """None of these workers says READY=1: the probe alone tells."""

    def versions(self, ready, listeners=(SHARED,), *options):
        return [self.content("--never-ready", "--version", version, *options,
                             ready={"timeout": NEVER, "probe": {**TIMEOUT, **ready["probe"]}}, listeners=listeners,
                             rollout={"replicas": 2}) for version in ("1", "2")]

    def test_a_command_is_run_for_the_worker(self):
        # The file has the worker's name, so that one worker's does not do for another's.
        seen = self.path("seen")
        probe = {"exec": ["/bin/sh", "-c", f"echo $SVC_WORKER $SVC_WORKER_PID >>{seen}; "
                          "kill -0 $SVC_WORKER_PID"], "interval": "50ms"}
        supervisor = self.deploys_under_load(*self.versions({"probe": probe}))
        asked = dict(line.split() for line in self.text("seen").splitlines())
        self.assertEqual({"r1-0", "r1-1", "r2-0", "r2-1"}, set(asked))
        for entry in supervisor.workers("available"):
            self.assertEqual(str(entry["pid"]), asked[entry["name"]])

    def test_http_at_a_listener_of_each_workers_own(self):
        probe = {"http": "/healthz", "listener": "health", "interval": "50ms"}
        self.deploys_under_load(*self.versions({"probe": probe}, (SHARED, PRIVATE)))

    def test_http_at_a_path_of_each_workers_own(self):
        own = {**PRIVATE, "address": "unix:" + self.path("{worker}.sock")}
        probe = {"http": f"unix:{self.path('{worker}.sock')}:/healthz", "interval": "50ms"}
        supervisor = self.deploys_under_load(*self.versions({"probe": probe}, (SHARED, own)))
        supervisor.wait_for_revision(2)
        left = sorted(name for name in os.listdir(self.directory) if name.endswith(".sock"))
        self.assertEqual(["r2-0.sock", "r2-1.sock"], left)

    def test_a_connect_to_a_socket_that_the_worker_made(self):
        probe = {"tcp": f"unix:{self.path('{pid}.sock')}", "interval": "50ms"}
        self.deploys_under_load(*self.versions({"probe": probe}, (SHARED,), "--bind",
                                               self.path("{pid}.sock")))

    def test_an_answer_of_the_old_worker_does_not_make_the_new_one_ready(self):
        # Version 2 never listens at the path of its replica: version 1 does, and answers.
        probe = {"http": f"unix:{self.path('{replica}.sock')}:/healthz", "interval": "50ms"}
        supervisor = self.start_settled(self.content("--never-ready", "--bind", self.path("{replica}.sock"),
                                                     ready={"probe": probe}))
        (old,) = supervisor.pids()

        def attempt(seconds):
            newest = supervisor.events.last
            supervisor.write(self.content("--never-ready", "--version", "2",
                                          ready={"timeout": f"{seconds}s", "probe": probe}))
            said = self.rejected(supervisor, f"-0: was not ready within {seconds}s")
            self.assertFalse([event for event in supervisor.events.of("worker_ready") if event["sequence"] > newest])
            return "its probe says" in said and f"answered by process {old}, which is not this worker" in said

        self.in_time(attempt)


class WhatCounts(ProbeTest):

    def tries(self, words=""):
        """A probe that keeps a book of its tries."""
        return {"exec": ["/bin/sh", "-c", f"date +%s.%N >>{self.path('tries')}; {words}"]}

    def times(self):
        return [float(line) for line in self.text("tries").split()]

    def test_the_first_try_comes_after_the_initial_delay_and_so_many_must_pass_in_a_row(self):
        # The second try fails: the row begins anew after it.
        probe = {**self.tries(f"[ $(wc -l <{self.path('tries')}) -ne 2 ]"), "interval": "50ms",
                 "initial_delay": "400ms", "success_threshold": 3, **TIMEOUT}
        supervisor = self.start(self.content("--never-ready", ready={"probe": probe}))
        self.assertEqual(5, len(self.times()))
        launched = supervisor.events.of("worker_launched")[0]
        ready = supervisor.events.of("worker_ready")[0]
        apart = [b - a for a, b in zip(self.times(), self.times()[1:])]
        self.assertGreaterEqual(min(apart), 0.045)
        self.assertGreaterEqual(since(launched, ready), 0.4 + 4 * 0.05)

    def test_a_probe_that_never_passes_is_told_when_the_time_is_over(self):
        supervisor = self.start_settled(self.content())
        probe = {"http": "/healthz", "listener": "health", "interval": "50ms", **TIMEOUT}

        def attempt(seconds):
            supervisor.write(self.content(
                "--never-ready", "--sick", "/", ready={"timeout": f"{seconds}s", "probe": probe},
                listeners=(SHARED, PRIVATE)))
            said = self.rejected(supervisor, f"-0: was not ready within {seconds}s", "The old revision serves on.")
            return bool(re.search(r"its probe says: GET /healthz at 127\.0\.0\.1:\d+: answered 503", said))

        with Load(supervisor.address(), rate=200, keepalive=0) as load:
            self.in_time(attempt)
        load.assert_no_failure(self)

    def test_a_failure_threshold_rejects_at_once(self):
        supervisor = self.start_settled(self.content())
        probe = {**self.tries("echo no database; exit 4"), "interval": "50ms", "failure_threshold": 2, **TIMEOUT}
        supervisor.write(self.content("--never-ready", ready={"timeout": NEVER, "probe": probe}))
        self.rejected(supervisor, "r2-0: readiness probe failed: ", "exit status 4", "no database")
        self.assertEqual(2, len(self.times()))

    def test_a_try_without_an_end_is_a_failed_one(self):
        supervisor = self.start_settled(self.content())
        probe = {"exec": ["/bin/sleep", "1000"], "timeout": "200ms", "failure_threshold": 1}
        supervisor.write(self.content("--never-ready", ready={"timeout": NEVER, "probe": probe}))
        self.rejected(supervisor, "r2-0: readiness probe failed: no answer within 200ms")

    def test_a_startup_probe_comes_before_what_the_worker_says(self):
        # Each worker says READY=1 at once, and STATUS=; its startup is over when there is a file of its name.
        startup = {"exec": ["/bin/sh", "-c", f"test -e {self.directory}/$SVC_WORKER || "
                            "{ echo cold; exit 1; }"], "interval": "50ms", "failure_threshold": 0, **TIMEOUT}
        supervisor = self.start_settled(self.content())
        with Load(supervisor.address(), rate=200, keepalive=0) as load:
            supervisor.write(self.content("--status", "is ready", "--version", "2", ready={"startup": startup}))
            client = supervisor.start_svc("reload")
            supervisor.events.wait_for("worker_status", lambda event: "is ready" in event["text"])
            self.assertEqual(["starting"], [entry["state"] for entry in supervisor.workers()
                                            if entry["revision"] == 2])
            (self.directory / "r2-0").touch()
            self.finish(client)
        load.assert_no_failure(self)
        self.assertTrue(supervisor.get().startswith("2 "))

    def test_a_startup_probe_that_fails_rejects_the_version(self):
        supervisor = self.start_settled(self.content())
        startup = {**self.tries("exit 1"), "interval": "50ms", "failure_threshold": 3, **TIMEOUT}
        supervisor.write(self.content(ready={"startup": startup, "timeout": NEVER}))
        self.rejected(supervisor, "r2-0: startup probe failed: exit status 1")
        self.assertEqual(3, len(self.times()))


class ReadyByANewline(ProbeTest):

    def test_on_the_descriptor_that_the_environment_names(self):
        first, second = (self.content("--ready-fd", "env", "--version", version,
                                      ready={"on": "fd", "timeout": NEVER}) for version in "12")
        self.deploys_under_load(first, second)

    def test_on_a_given_number(self):
        first, second = (self.content("--ready-fd", "12", "--version", version,
                                      ready={"on": "fd", "fd": 12, "timeout": NEVER}) for version in "12")
        self.deploys_under_load(first, second)

    def test_that_never_comes(self):
        supervisor = self.start_settled(self.content())
        supervisor.write(self.content(ready={"on": "fd", "timeout": "500ms"}))  # READY=1 is none
        self.rejected(supervisor, "r2-0: was not ready within 500ms")


class SharedListener(ProbeTest):

    def test_is_refused_with_the_reason_before_anything_is_touched(self):
        supervisor = self.start_settled(self.content())
        host, port = supervisor.address()
        shared = {**SHARED, "address": f"{host}:{port}"}
        for probe, words in (
                ({"http": "/healthz", "listener": "http"}, "all workers share listener http: another one may "
                 "answer, also one of the old version; name a listener with private = true"),
                ({"http": f"http://{host}:{port}/healthz"}, "is listener http, which all workers share: "
                 "another one may answer"),
                ({"tcp": f"{host}:{port}"}, "is listener http, which all workers share")):
            with self.subTest(probe):
                supervisor.write(self.content(ready={"probe": probe}, listeners=(shared,)))
                for arguments in (("check", supervisor.file), ("reload",)):
                    result = supervisor.svc(*arguments)
                    self.assertNotEqual(0, result.returncode)
                    self.assertIn(words, " ".join((result.stdout + result.stderr).split()))
        self.assertEqual(1, supervisor.status()["revision"])


def since(first, last):
    """Seconds between two events."""
    return (last["at"] - first["at"]) / 1e6


if __name__ == "__main__":
    main()
