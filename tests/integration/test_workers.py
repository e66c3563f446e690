"""A worker's life between its start and the decision to retire it."""
import os
import signal
import time

from harness import ServiceTest, main, service, worker


def exits_of(supervisor):
    return [event["text"] for event in supervisor.events.of("worker_exited")]


class Readiness(ServiceTest):

    def test_a_worker_is_ready_when_it_says_so_and_not_before(self):
        flag = self.directory / "flag"
        supervisor = self.make(service(worker("--ready-when", flag))).spawn()
        supervisor.events_when_up().wait_for("worker_launched")
        status = supervisor.wait_status("a start", lambda s: s["workers"][0]["state"] == "starting")
        self.assertEqual(0, status["available"])
        self.assertNotIn("READY=1", supervisor.manager.messages)
        flag.touch()
        supervisor.manager.wait_for("READY=1")
        self.assertEqual(1, supervisor.status()["available"])

    def test_what_it_says_of_itself_is_shown(self):
        supervisor = self.start(service(worker("--status", "1,000 books read")))
        self.assertEqual("1,000 books read", supervisor.workers()[0]["status_text"])
        self.assertIn("1,000 books read", supervisor.svc("status").stdout)

    def test_a_deadline_of_readiness_that_passes_is_a_failure(self):
        supervisor = self.make(service(worker("--never-ready"), ready={"timeout": "300ms"})).spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertIn("ready", supervisor.log)
        self.assertIn("300ms", supervisor.log)

    def test_a_program_that_cannot_notify_counts_as_ready_after_its_delay(self):
        began = time.monotonic()
        self.start(service(["/bin/sleep", "1000"], ready={"on": "started", "delay": "500ms"}))
        self.assertGreaterEqual(time.monotonic() - began, 0.5)

    def test_a_program_that_ends_within_its_delay_never_was_ready(self):
        supervisor = self.make(service(["/bin/sleep", "0.1"],
                                       ready={"on": "started", "delay": "2s"})).spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertNotIn("READY=1", supervisor.manager.messages)


class NotifyAccess(ServiceTest):

    def said_by_a_child(self, access):
        """The status text after a child and then the worker itself spoke, in that order."""
        supervisor = self.start(service(ready={"notify_access": access}))
        supervisor.get("/notify-child?v=STATUS=child")
        supervisor.get("/notify?v=STATUS=main")
        supervisor.events.wait_for("worker_status", lambda event: "main" in event["text"])
        return [event["text"] for event in supervisor.events.of("worker_status")
                if "child" in event["text"]]

    def test_main_listens_to_the_worker_alone(self):
        self.assertEqual([], self.said_by_a_child("main"))

    def test_group_listens_to_its_children_too(self):
        # The child was gone before its datagram was read, perhaps: the socket names the worker.
        self.assertEqual(1, len(self.said_by_a_child("all")))

    def test_a_child_that_says_ready_does_not_count_where_only_main_may(self):
        supervisor = self.make(service(
            worker("--never-ready", "--ready-child"),
            ready={"notify_access": "main", "timeout": "1s"})).spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertNotIn("READY=1", supervisor.manager.messages)


class Restarts(ServiceTest):

    def crash(self, supervisor, number=signal.SIGKILL):
        """Kills the only worker; returns the new one's pid and how long it took to start."""
        pid = supervisor.pids("available", "ready")[0]
        last = supervisor.events.last
        began = time.monotonic()
        os.kill(pid, number)
        launched = supervisor.events.wait_for("worker_launched", after=last)
        took = time.monotonic() - began
        supervisor.events.wait_for("worker_available", after=launched["sequence"])
        return supervisor.pids("available")[0], took

    def test_a_worker_that_dies_is_started_again_from_its_own_revision(self):
        supervisor = self.start()
        old = supervisor.pids()[0]
        supervisor.write(service(worker("--version", "2")))  # a crash never deploys
        new, _ = self.crash(supervisor)
        self.assertNotEqual(old, new)
        self.assertEqual(f"1 {new}", supervisor.get())
        status = supervisor.status()
        self.assertEqual(1, status["revision"])
        self.assertEqual(1, status["replica_list"][0]["restarts"])

    def test_each_failure_in_a_row_waits_twice_as_long_up_to_the_bound(self):
        supervisor = self.start(service(restart={"backoff": {"min": "200ms", "max": "1s"}}))
        waits = [self.crash(supervisor)[1] for _ in range(4)]
        for waited, least in zip(waits, (0.2, 0.4, 0.8, 1.0)):
            self.assertGreaterEqual(waited, least)
        self.assertLess(waits[3], 1.6)

    def test_a_worker_that_stayed_up_starts_the_row_anew(self):
        supervisor = self.start(service(restart={"backoff": {"min": "100ms", "max": "400ms"}}))
        for _ in range(3):
            self.crash(supervisor)
        replica = supervisor.status()["replica_list"][0]
        self.assertEqual((3, 3), (replica["restarts"], replica["failures"]))
        supervisor.wait_status("the row to end", lambda s: s["replica_list"][0]["failures"] == 0)
        _, waited = self.crash(supervisor)
        self.assertLess(waited, 0.35)
        replica = supervisor.status()["replica_list"][0]
        self.assertEqual((4, 1), (replica["restarts"], replica["failures"]))

    def test_how_it_ended_is_told_with_its_last_words(self):
        supervisor = self.start(service(restart={"backoff": {"min": "100ms", "max": "100ms"}}))
        supervisor.get("/say?v=the+sky+is+falling")
        self.crash(supervisor, signal.SIGSEGV)
        self.assertIn("SIGSEGV", exits_of(supervisor)[0])
        self.assertIn("the sky is falling", supervisor.log)

    def test_a_policy_of_never_leaves_it_down_and_says_so(self):
        supervisor = self.start(service(restart={"policy": "never"}))
        os.kill(supervisor.pids()[0], signal.SIGKILL)
        supervisor.events.wait_for("worker_exited")
        status = supervisor.wait_status("it to be held down", lambda s: not s["workers"])
        self.assertIn("held down", status["replica_list"][0]["waits_for"])
        self.assertIn("held down", supervisor.svc("status").stdout)
        self.reload(supervisor)  # a person's word starts it again
        self.assertEqual(1, supervisor.status()["available"])

    def test_a_clean_end_counts_as_no_failure_where_the_policy_says_so(self):
        supervisor = self.start(service(restart={"policy": "on-failure"}))
        os.kill(supervisor.pids()[0], signal.SIGTERM)
        supervisor.events.wait_for("worker_exited")
        supervisor.wait_status("it to stay down", lambda s: "held down" in
                               s["replica_list"][0]["waits_for"])


if __name__ == "__main__":
    main()
