"""Workers that are broken without ending: the watchdog and live probes, with real processes."""
import os
import signal

import example_web
from harness import main
from watching import PRIVATE, SHARED, WatchingTest, fewest_available

NO_RESTART = {"backoff": {"min": "1h", "max": "2h"}}


class LivenessTest(WatchingTest):

    def is_replaced(self, supervisor, name, words):
        """Drained for that reason and succeeded; the others were not touched."""
        index = int(name.split("-")[1])
        self.event(supervisor, "probe_failed", name, "liveness check failed: " + words)
        self.event(supervisor, "worker_retired", name, words)
        self.event(supervisor, "worker_restarting", name, words)
        self.event(supervisor, "worker_available", name + ".1")
        status = supervisor.wait_status("all of them", lambda status: status["available"] == 3)
        self.assertEqual([int(place == index) for place in range(3)],
                         [replica["restarts"] for replica in status["replica_list"]])
        self.assertEqual(1, len(supervisor.events.of("worker_retired")))


class Watchdog(LivenessTest):
    # Long, so that nobody misses it who is only slow.
    LIVE = {"watchdog": "4s"}

    def test_a_worker_that_says_nothing_more_is_drained_and_replaced(self):
        supervisor = self.start_settled(self.content(live=self.LIVE))
        self.assertIn('"WATCHDOG_USEC": "4000000"', supervisor.get("/env"))
        with self.slow_load(supervisor) as load:
            self.sick(self.named(supervisor, "r1-1")["pid"]).touch()
            self.is_replaced(supervisor, "r1-1", "no WATCHDOG=1 for 4s")
        load.assert_no_failure(self)
        self.assertIn("exit status 0", self.event(supervisor, "worker_exited", "r1-1")["text"])

    def test_a_worker_that_is_wedged_is_killed_at_the_end_of_its_grace_period(self):
        supervisor = self.start_settled(self.content(live=self.LIVE, stop={"grace": "500ms", "min_stop": "0"}))
        os.kill(self.named(supervisor, "r1-1")["pid"], signal.SIGSTOP)
        self.event(supervisor, "worker_retired", "r1-1", "no WATCHDOG=1")
        self.assertTrue(supervisor.get().startswith("1 "))
        self.event(supervisor, "worker_killed", "r1-1", "did not end within its grace period")
        self.is_replaced(supervisor, "r1-1", "no WATCHDOG=1 for 4s")

    def test_the_time_counts_from_when_the_worker_is_ready(self):
        # It is silent from the beginning, and ready only ten periods later.
        self.sick().touch()
        startup = {"exec": ["/bin/true"], "initial_delay": "1s", "timeout": "60s"}
        supervisor = self.start(self.content(live={"watchdog": "100ms"}, ready={"startup": startup},
                                             replicas=1, restart=NO_RESTART))
        self.event(supervisor, "probe_failed", "r1-0", "no WATCHDOG=1 for 100ms")
        launched, failed = (self.event(supervisor, kind, "r1-0") for kind in ("worker_launched", "probe_failed"))
        self.assertEqual([failed], supervisor.events.of("probe_failed"))
        self.assertGreaterEqual(failed["at"] - launched["at"], 1_100_000)

    def test_a_worker_says_itself_that_it_is_broken(self):
        supervisor = self.start_settled(self.content(live=self.LIVE))
        with self.slow_load(supervisor) as load:
            supervisor.get("/notify?v=WATCHDOG=trigger")
            failed = supervisor.events.wait_for("probe_failed")["worker_name"]
            self.is_replaced(supervisor, failed, "WATCHDOG=trigger")
        load.assert_no_failure(self)


class LiveProbe(LivenessTest):
    """The workers say nothing; they are asked."""

    def asked(self, script, **options):
        return {"probe": {"exec": ["/bin/sh", "-c", script], "interval": "100ms", "timeout": "60s",
                          "failure_threshold": 2, **options}}

    def test_a_command_that_fails_has_its_worker_drained_and_replaced(self):
        live = self.asked(f"test ! -e {self.directory}/sick-$SVC_WORKER || {{ echo 'disk full'; exit 3; }}")
        supervisor = self.start_settled({**example_web.web(1, replicas=3), "live": live})
        with self.load(supervisor) as load:
            (self.directory / "sick-r1-2").touch()
            self.is_replaced(supervisor, "r1-2", "exit status 3 (disk full)")
        load.assert_no_failure(self)

    def test_a_request_that_fails_has_its_worker_drained_and_replaced(self):
        live = {"probe": {"http": "/healthz", "listener": "health", "interval": "50ms", "timeout": "60s"}}
        supervisor = self.start_settled(self.content(live=live, listeners=(SHARED, PRIVATE)))
        with self.slow_load(supervisor) as load:
            self.sick(self.named(supervisor, "r1-0")["pid"]).touch()
            self.is_replaced(supervisor, "r1-0", "GET /healthz at 127.0.0.1:")
        load.assert_no_failure(self)
        self.assertIn("answered 503", self.event(supervisor, "worker_retired", "r1-0")["text"])

    def test_one_that_fails_again_and_again_waits_longer_each_time(self):
        backoff = {"min": "300ms", "max": "10m"}  # and nobody lives so long that its row ends
        supervisor = self.start_settled(self.content(live=self.asked("test $SVC_REPLICA != 1"),
                                                     restart={"backoff": backoff}))
        with self.slow_load(supervisor) as load:
            for attempt, wait in (("", "300ms"), (".1", "600ms"), (".2", "1s200ms")):
                self.event(supervisor, "worker_restarting", "r1-1" + attempt,
                           f"liveness check failed: exit status 1; next try in {wait}")
            available = {attempt: self.event(supervisor, "worker_available", "r1-1" + attempt)["at"]
                         for attempt in ("", ".1")}
            launched = {attempt: self.event(supervisor, "worker_launched", "r1-1" + attempt)["at"]
                        for attempt in (".1", ".2")}
        load.assert_no_failure(self)
        # The next try comes when it was said to come. Counted from what was surely before the failure: an event is
        # stamped when it is told, which is later than the moment that the wait counts from.
        self.assertGreaterEqual(launched[".1"] - available[""], 300_000)
        self.assertGreaterEqual(launched[".2"] - available[".1"], 600_000)

    def test_the_status_says_what_it_waits_for(self):
        supervisor = self.start_settled(self.content(live=self.asked("test $SVC_REPLICA != 1"), restart=NO_RESTART))
        self.event(supervisor, "worker_restarting", "r1-1", "liveness check failed: exit status 1; next try in 1h")
        status = supervisor.status()["replica_list"][1]
        self.assertRegex(status["waits_for"], r"^restart in \S+ \(liveness check failed: exit status 1\)$")
        self.assertEqual(1, status["restarts"])
        self.assertIn("(liveness check failed: exit status 1)", supervisor.svc("status").stdout)

    def test_a_successor_does_not_wait_for_the_end_of_one_that_is_wedged(self):
        live = self.asked(f"test ! -e {self.directory}/sick-$SVC_WORKER")
        supervisor = self.start_settled(self.content("--ignore-term", live=live, stop={"grace": "1h"}))
        (self.directory / "sick-r1-0").touch()
        self.event(supervisor, "worker_available", "r1-0.1")
        self.assertEqual("stopping", self.named(supervisor, "r1-0")["state"])

    def test_one_that_failed_stays_down_if_the_policy_says_so(self):
        live = self.asked(f"test ! -e {self.directory}/sick-$SVC_WORKER")
        supervisor = self.start_settled(self.content(live=live, restart={"policy": "never"}))
        (self.directory / "sick-r1-0").touch()
        self.event(supervisor, "worker_restarting", "r1-0", "stays down, as restart.policy says")
        self.event(supervisor, "worker_exited", "r1-0")
        status = supervisor.wait_status("it to be gone", lambda status: len(status["workers"]) == 2)
        self.assertIn("held down", status["replica_list"][0]["waits_for"])

    def test_that_fails_everywhere_takes_one_worker_at_a_time_and_the_others_serve(self):
        live = self.asked(f"test ! -e {self.sick()}")
        supervisor = self.start_settled(self.content(live=live))
        with self.slow_load(supervisor) as load:
            self.sick().touch()
            for name in "r1-0.1", "r1-1.1", "r1-2.1":
                self.event(supervisor, "worker_available", name)
            self.sick().unlink()
            supervisor.wait_status("all to be well", lambda status: status["available"] == 3)
        load.assert_no_failure(self)
        self.assertEqual(2, fewest_available(supervisor.events))

    def test_one_that_is_well_again_before_its_turn_stays(self):
        # A successor is ready when the test lets it: until then nobody else may be missing.
        live = self.asked(f"test ! -e {self.sick()}")
        ready = {"exec": ["/bin/sh", "-c", f"case $SVC_WORKER in *.*) test -e {self.directory}/go; esac"],
                 "interval": "50ms", "timeout": "60s"}
        supervisor = self.start_settled(self.content("--never-ready", live=live, ready={"probe": ready}))
        self.sick().touch()
        names = {event["worker_name"] for event in (self.event(supervisor, "probe_failed", name)
                                                    for name in ("r1-0", "r1-1", "r1-2"))}
        (retired,) = supervisor.events.of("worker_retired")
        stay = names - {retired["worker_name"]}
        self.sick().unlink()
        for name in stay:
            self.event(supervisor, "probe_failed", name, "is alive again")
        (self.directory / "go").touch()
        self.event(supervisor, "worker_available", retired["worker_name"] + ".1")
        self.assertEqual(3, supervisor.status()["available"])
        self.assertEqual([retired], supervisor.events.of("worker_retired"))

    def test_that_fails_within_min_ready_takes_the_version_back(self):
        supervisor = self.start_settled(self.content())
        before = sorted(supervisor.pids())
        with self.slow_load(supervisor) as load:
            supervisor.write(self.content(live=self.asked("echo out of order; exit 1"),
                                          rollout={"min_ready": "5m"}))
            result = supervisor.svc("reload")
            said = result.stdout + result.stderr
            self.assertEqual(1, result.returncode, said)
            self.assertIn("r2-0: liveness check failed: exit status 1 (out of order)", said)
        load.assert_no_failure(self)
        self.assertEqual(before, sorted(supervisor.pids("available")))


if __name__ == "__main__":
    main()
