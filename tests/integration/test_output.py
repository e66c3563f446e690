"""The supervisor's own stderr, when nobody reads it."""
import fcntl
import os
import select
import signal
import threading

from harness import ServiceTest, main, service, wait_until, worker


class FullPipe(ServiceTest):

    def setUp(self):
        super().setUp()
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096)
        self.addCleanup(os.close, self.reader)

    def supervisor_on_the_pipe(self, content):
        # In place of the log file that the harness gives it.
        redirect = ("/bin/sh", "-c", f'exec "$@" 2>&{self.writer} {self.writer}>&-', "sh")
        supervisor = self.make(content, prefix=redirect).spawn(pass_fds=[self.writer])
        supervisor.manager.wait_for("READY=1")
        return supervisor

    def blocked(self, supervisor, revision):
        """Waits until this revision's worker found nobody to take what it writes."""
        return supervisor.wait_status(
            "the worker to be held up",
            lambda status: any(entry["status_text"] == "stderr is full" and
                               entry["revision"] == revision and entry["state"] == "available"
                               for entry in status["workers"]))

    def test_a_worker_that_floods_it_holds_up_itself_and_not_the_supervisor(self):
        supervisor = self.supervisor_on_the_pipe(service(worker(program="flooding.py")))
        self.blocked(supervisor, 1)
        wait_until("the pipe to be full", lambda: not select.select([], [self.writer], [], 0)[1])
        self.assertIn("available", supervisor.svc("status").stdout)
        self.reload(supervisor)
        self.blocked(supervisor, 2)
        self.assertEqual(1, len(supervisor.workers()))
        os.close(self.writer)
        # Somebody reads again: what was held up goes on.
        taken = []
        reading = threading.Thread(target=self.read_all, args=(taken,))
        reading.start()
        wait_until("the flood to go on", lambda: sum(taken) > 1_000_000)
        self.assertEqual(0, supervisor.stop())
        reading.join()

    def test_an_upgrade_waits_for_the_last_lines_of_a_worker_that_ended(self):
        supervisor = self.supervisor_on_the_pipe(service(worker(program="flooding.py")))
        self.blocked(supervisor, 1)
        supervisor.write(service())
        self.reload(supervisor)
        os.close(self.writer)
        supervisor.signal(signal.SIGUSR2)
        # Nothing depends on how long this is: one that does not wait has the time to show it.
        with self.assertRaises(AssertionError):
            wait_until("the upgrade", lambda: supervisor.status()["generation"] == 2, 1)
        taken = []
        reading = threading.Thread(target=self.read_all, args=(taken,))
        reading.start()
        supervisor.wait_status("the upgrade", lambda status: status["generation"] == 2)
        self.assertEqual(0, supervisor.stop())
        reading.join()
        # What had been in the worker's pipe, and not only what was in ours.
        self.assertGreater(sum(taken), 32768)

    def read_all(self, taken):
        while data := os.read(self.reader, 65536):
            taken.append(len(data))


if __name__ == "__main__":
    main()
