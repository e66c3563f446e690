"""Notify sockets: garbage, floods, descriptors that nobody asked for."""
import os

from harness import PATIENCE, ServiceTest, main, service, wait_until


class NotifySocket(ServiceTest):

    def test_garbage_changes_nothing(self):
        supervisor = self.start()
        before = supervisor.pids()
        supervisor.get("/garbage")
        supervisor.get("/notify?v=STATUS=after")
        supervisor.events.wait_for("worker_status", lambda event: "after" in event["text"])
        self.assertEqual(before, supervisor.pids("available"))

    def test_descriptors_that_nobody_asked_for_are_closed(self):
        supervisor = self.start()
        supervisor.get("/notify?v=STATUS=warm")
        before = len(os.listdir(f"/proc/{supervisor.pid}/fd"))
        for _ in range(5):
            supervisor.get("/garbage")
        wait_until("as many descriptors as before", lambda: len(
            os.listdir(f"/proc/{supervisor.pid}/fd")) <= before)

    def test_a_flood_is_read_and_stalls_nothing(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        # The sender blocks while the socket is full: that it ends shows that all was read.
        supervisor.get("/flood?v=20000", timeout=2 * PATIENCE)
        self.assertEqual(2, supervisor.status()["available"])
        self.reload(supervisor)

    def test_a_text_that_would_write_on_the_terminal_is_made_harmless(self):
        supervisor = self.start()
        supervisor.get("/notify?v=STATUS=%1b[2Jred%07alert")
        status = supervisor.wait_status("the text", lambda s: "alert" in s["workers"][0]["status_text"])
        self.assertNotIn("\x1b", status["workers"][0]["status_text"])
        self.assertNotIn("\x1b", supervisor.svc("status").stdout)
        self.assertNotIn("\x1b[2J", supervisor.log)

    def test_stopping_and_reloading_of_a_worker_are_no_faults(self):
        supervisor = self.start()
        before = supervisor.pids()
        for word in "RELOADING=1", "READY=1", "STOPPING=1", "WATCHDOG=1", "ERRNO=5":
            supervisor.get(f"/notify?v={word}")
        supervisor.get("/notify?v=STATUS=after")
        supervisor.events.wait_for("worker_status", lambda event: "after" in event["text"])
        self.assertEqual(before, supervisor.pids())


if __name__ == "__main__":
    main()
