"""Healthy workers that get a successor for their age or their size, with real processes."""
import time

import example_web
from harness import main, wait_until
from watching import WatchingTest, fewest_available


class RecyclingTest(WatchingTest):

    def one_after_the_other(self, supervisor, names):
        """Each worker's successor was available before it was retired, and before the next one's turn."""
        story = [(event["kind"], event["worker_name"]) for event in supervisor.events.seen]
        turns = [(story.index(("worker_recycled", name)), story.index(("worker_available", name + ".1")),
                  story.index(("worker_retired", name))) for name in names]
        for turn in turns:
            self.assertEqual(list(turn), sorted(turn))
        turns.sort()
        for (_, _, retired), (recycled, _, _) in zip(turns, turns[1:]):
            self.assertLess(retired, recycled)


class ByAge(RecyclingTest):

    def web(self, **tables):
        return {**example_web.web(1, replicas=3), **tables}

    def test_workers_are_replaced_one_after_the_other_and_no_request_is_lost(self):
        supervisor = self.start_settled(self.web(recycle={"max_age": "2s"}))
        names = "r1-0", "r1-1", "r1-2"
        with self.load(supervisor) as load:
            for name in names:
                self.event(supervisor, "worker_recycled", name, "it reached max_age (2s)")
                self.event(supervisor, "worker_exited", name)
        load.assert_no_failure(self)
        self.one_after_the_other(supervisor, names)
        self.assertEqual(3, fewest_available(supervisor.events))
        for name in names:  # over the last fifth
            age = (self.event(supervisor, "worker_recycled", name)["at"] -
                   self.event(supervisor, "worker_launched", name)["at"]) / 1e6
            self.assertGreaterEqual(age, 1.6)
        status = supervisor.status()
        self.assertEqual([0, 0, 0], [replica["restarts"] for replica in status["replica_list"]])
        self.assertEqual(1, status["revision"])

    def test_nobody_is_recycled_during_a_rollout(self):
        # The new version is not ready before the test lets it: the old ones are of age long before that.
        recycle = {"max_age": "500ms"}
        supervisor = self.start_settled(self.content(recycle={"max_age": "1h"}))
        supervisor.write(self.content(recycle=recycle))
        self.reload(supervisor)
        go = self.directory / "go"
        supervisor.write(self.content("--ready-when", go, "--version", "3", recycle=recycle))
        with self.slow_load(supervisor) as load:
            client = supervisor.start_svc("reload")
            started = supervisor.events.wait_for("rollout_started", lambda event: event["revision"] == 3)
            of_age = supervisor.events.of("worker_available")[-1]["at"] / 1e6 + 0.5
            wait_until("all of revision 2 to be of age", lambda: time.time() > of_age)
            go.touch()
            self.finish(client)
            ended = supervisor.events.wait_for("rollout_ended", lambda event: event["revision"] == 3)
            after = supervisor.events.wait_for("worker_recycled", after=ended["sequence"])
        load.assert_no_failure(self)
        self.assertEqual(3, after["revision"])
        self.assertFalse([event for event in supervisor.events.of("worker_recycled")
                          if started["sequence"] < event["sequence"] < ended["sequence"]])

    def test_a_successor_that_does_not_come_costs_nobody(self):
        # Successors fail; the old one serves on until one of them does not.
        go = self.directory / "go"
        ready = {"probe": {"exec": ["/bin/sh", "-c", f"case $SVC_WORKER in *.*) test -e {go}; esac"],
                           "interval": "50ms", "timeout": "60s", "failure_threshold": 3}}
        supervisor = self.start_settled(self.content("--never-ready", ready=ready, recycle={"max_age": "1s"}))
        with self.slow_load(supervisor) as load:
            first = supervisor.events.wait_for("worker_recycled")["worker_name"]
            self.event(supervisor, "worker_retired", first + ".1", "readiness probe failed: exit status 1")
            self.event(supervisor, "worker_launched", first + ".2")
            self.assertIn(first, [entry["name"] for entry in supervisor.workers("available")])
            go.touch()
            self.event(supervisor, "worker_exited", first)
        load.assert_no_failure(self)
        self.assertEqual(3, fewest_available(supervisor.events))


class BySize(RecyclingTest):

    def test_a_worker_that_grew_is_replaced_and_no_request_is_lost(self):
        recycle = {"max_memory": "64M", "interval": "100ms"}
        supervisor = self.start_settled(self.content(recycle=recycle))
        names = {entry["pid"]: entry["name"] for entry in supervisor.workers()}
        with self.slow_load(supervisor) as load:
            name = names[int(supervisor.get("/grow?v=80"))]
            told = self.event(supervisor, "worker_recycled", name, "gets a successor: it uses ")
            self.assertRegex(told["text"], r"it uses [6-9]\d[.\d]* MiB, more than max_memory \(64 MiB\)$")
            self.event(supervisor, "worker_exited", name)
        load.assert_no_failure(self)
        self.one_after_the_other(supervisor, [name])
        self.assertEqual(3, fewest_available(supervisor.events))
        self.assertEqual([told], supervisor.events.of("worker_recycled"))

    def test_one_that_is_large_in_its_children_is_replaced_too(self):
        recycle = {"max_memory": "64M", "interval": "100ms"}
        supervisor = self.start_settled(self.content(recycle=recycle, replicas=1))
        supervisor.get("/grow?v=40")
        supervisor.get("/fork")  # shares what it does not write; counted as if it did not
        self.event(supervisor, "worker_recycled", "r1-0", "more than max_memory")
        self.event(supervisor, "worker_available", "r1-0.1")
        self.event(supervisor, "worker_exited", "r1-0")
        self.assertEqual(1, fewest_available(supervisor.events))


if __name__ == "__main__":
    main()
