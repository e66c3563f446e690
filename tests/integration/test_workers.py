"""A worker's life between its start and the decision to retire it."""
import os
import signal
import time

from harness import ServiceTest, main, service, wait_until, worker


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
                                       ready={"on": "started", "delay": "5m"})).spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertNotIn("READY=1", supervisor.manager.messages)


class NotifyAccess(ServiceTest):

    def said_by_a_child(self, access):
        """The status text after a child and then the worker itself spoke, in that order."""
        supervisor = self.start(service(ready={"notify_access": access}))
        supervisor.get("/notify-child?v=STATUS=child")
        if access != "main":  # of several texts that are read at once, the last one is told
            supervisor.events.wait_for("worker_status", lambda event: "child" in event["text"])
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
            ready={"notify_access": "main"})).spawn()
        supervisor.wait_log("may not speak for it (see notify_access")
        self.assertEqual(["starting"], [entry["state"] for entry in supervisor.workers()])
        supervisor.stop()
        supervisor.manager.mark()
        self.assertNotIn("READY=1", supervisor.manager.messages)


class Restarts(ServiceTest):

    def crash(self, supervisor, number=signal.SIGKILL):
        """Kills the only worker; returns the new one's pid."""
        pid = supervisor.pids("available", "ready")[0]
        last = supervisor.events.last
        os.kill(pid, number)
        supervisor.events.wait_for("worker_available", after=last)
        return supervisor.pids("available")[0]

    def waits(self, supervisor, after=0):
        """[(what was said of the time until the next try, how long it was since the last one)]"""
        found, told, last = [], None, None
        for event in supervisor.events.seen:
            if event["kind"] == "worker_restarting" and event["sequence"] > after:
                told = event["text"].partition("; next try in ")[2]
            elif event["kind"] == "worker_launched":
                if told:
                    found.append((told, event["at"] - last))
                last = event["at"]
        return found

    def test_a_worker_that_dies_is_started_again_from_its_own_revision(self):
        supervisor = self.start()
        old = supervisor.pids()[0]
        supervisor.write(service(worker("--version", "2")))  # a crash never deploys
        new = self.crash(supervisor)
        self.assertNotEqual(old, new)
        self.assertEqual(f"1 {new}", supervisor.get())
        status = supervisor.status()
        self.assertEqual(1, status["revision"])
        self.assertEqual(1, status["replica_list"][0]["restarts"])

    def dying(self, backoff):
        """A service whose worker was killed, and does not come up again while the file `sick` is there."""
        self.sick = self.directory / "sick"
        command = ["/bin/sh", "-c", f"test -e {self.sick} && exit 3; exec \"$@\"", "sh", *worker()]
        supervisor = self.start(service(command, restart={"backoff": backoff}))
        self.sick.touch()
        os.kill(supervisor.pids("available")[0], signal.SIGKILL)
        return supervisor

    def test_each_failure_in_a_row_waits_twice_as_long_up_to_the_bound(self):
        supervisor = self.dying({"min": "200ms", "max": "1s"})
        waits = wait_until("five tries", lambda: found if len(found := self.waits(supervisor)) >= 5 else None)
        for (told, took), (words, least) in zip(waits, (("200ms", 0.2), ("400ms", 0.4), ("800ms", 0.8), ("1s", 1.0),
                                                        ("1s", 1.0))):
            self.assertEqual(words, told)
            self.assertGreaterEqual(took, least * 1e6)

    def test_a_worker_that_stayed_up_starts_the_row_anew(self):
        supervisor = self.dying({"min": "100ms", "max": "2s"})
        supervisor.events.wait_for("worker_restarting", lambda event: event["text"].endswith("; next try in 400ms"))
        self.sick.unlink()
        supervisor.wait_status("the row to end", lambda s: s["replica_list"][0]["failures"] == 0)
        restarts = supervisor.status()["replica_list"][0]["restarts"]
        self.assertGreaterEqual(restarts, 3)
        last = supervisor.events.last
        self.crash(supervisor)
        self.assertEqual(["100ms"], [told for told, _ in self.waits(supervisor, last)])
        replica = supervisor.status()["replica_list"][0]
        self.assertEqual((restarts + 1, 1), (replica["restarts"], replica["failures"]))

    def test_how_it_ended_is_told_with_its_last_words(self):
        supervisor = self.start(service(restart={"backoff": {"min": "100ms", "max": "100ms"}}))
        supervisor.get("/say?v=the+sky+is+falling")
        self.crash(supervisor, signal.SIGSEGV)
        self.assertIn("SIGSEGV", exits_of(supervisor)[0])
        supervisor.wait_log("the sky is falling")

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
