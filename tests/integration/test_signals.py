"""Signals to the supervisor, and what it tells the service manager meanwhile."""
import signal
import socket
import subprocess

from harness import PATIENCE, ServiceTest, alive, main, service, wait_until, worker


class Signals(ServiceTest):

    def test_hangup_reloads_the_service_file(self):
        supervisor = self.start()
        said = supervisor.manager.mark()
        supervisor.write(service(worker("--version", "2")))
        supervisor.signal(signal.SIGHUP)
        reloading = supervisor.manager.wait_for("RELOADING=1", after=said)
        supervisor.manager.wait_for("READY=1", after=reloading)
        self.assertTrue(any(line.startswith("MONOTONIC_USEC=") for line in supervisor.manager.messages))
        supervisor.wait_for_revision(2)
        self.assertTrue(supervisor.get().startswith("2 "))

    def test_hangup_with_a_wrong_file_changes_nothing_and_says_so_in_the_log(self):
        supervisor = self.start()
        old = supervisor.pids()
        supervisor.write("[service]\ncommand = 5\n")
        supervisor.signal(signal.SIGHUP)
        wait_until("the mistake in the log", lambda: "web.toml:2:" in supervisor.log)
        self.assertEqual(old, supervisor.pids())

    def test_many_hangups_at_once_do_not_pile_up(self):
        supervisor = self.start()
        for _ in range(50):
            supervisor.signal(signal.SIGHUP)
        status = supervisor.wait_status("quiet", lambda s: s["revision"] > 1 and s["rollout"][0]["phase"] == "complete"
                                        and not s["pending"] and len(s["workers"]) == 1)
        self.assertEqual("available", status["workers"][0]["state"])
        alive = set()
        for event in supervisor.events.seen:
            if event["kind"] == "worker_launched":
                alive.add(event["worker"])
            elif event["kind"] == "worker_exited":
                alive.discard(event["worker"])
            self.assertLessEqual(len(alive), 3, "max_total, where nothing else is said")

    def test_terminate_drains_and_ends_with_0(self):
        for number in signal.SIGTERM, signal.SIGINT:
            with self.subTest(number):
                supervisor = self.start(service(worker("--linger", "0.3")), name=f"web-{number}")
                pid = supervisor.pids()[0]
                supervisor.signal(number)
                supervisor.manager.wait_for("STOPPING=1")
                self.assertEqual(0, supervisor.wait())
                self.assertFalse(alive(pid))
                self.assertFalse(supervisor.control.exists())

    def test_a_second_terminate_does_not_wait_for_the_grace_period(self):
        supervisor = self.start(service(worker("--ignore-term"), stop={"grace": "1h"}))
        supervisor.signal(signal.SIGTERM)
        supervisor.events.wait_for("worker_stopping")
        supervisor.signal(signal.SIGTERM)
        supervisor.wait(PATIENCE)

    def test_quit_stops_at_once(self):
        supervisor = self.start(service(worker("--linger", "1000"), stop={"grace": "1h"}))
        supervisor.signal(signal.SIGQUIT)
        supervisor.wait(PATIENCE)

    def test_a_stop_by_command_ends_with_0_for_both(self):
        supervisor = self.start()
        result = supervisor.svc("stop")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(0, supervisor.wait())

    def test_a_stop_now_does_not_wait(self):
        supervisor = self.start(service(worker("--ignore-term"), stop={"grace": "1h"}))
        result = supervisor.svc("stop", "--now")
        self.assertEqual(0, result.returncode, result.stderr)
        supervisor.wait(PATIENCE)

    def test_the_manager_is_told_what_goes_on(self):
        supervisor = self.start()
        supervisor.manager.wait_for("STATUS=")

    def test_a_manager_that_does_not_read_stalls_nothing(self):
        supervisor = self.make()
        # A socket that exists and is read by nobody, already full.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
            path = str(self.directory / "deaf")
            deaf.bind(path)
            filler.setblocking(False)
            try:
                while True:
                    filler.sendto(b"x", path)
            except BlockingIOError:
                pass
            supervisor.environment["NOTIFY_SOCKET"] = path
            supervisor.spawn()
            supervisor.events_when_up().wait_for("rollout_ended")
            self.reload(supervisor)
            self.assertEqual(0, supervisor.stop())


class WithoutAServiceFile(ServiceTest):

    def test_one_line_is_enough_for_a_first_try(self):
        supervisor = self.make()
        command = [*supervisor.arguments, "--listen", "127.0.0.1:0", "--replicas", "2", "--grace", "60s",
                   "--", *worker("--version", "inline", "--never-ready")]  # nothing is asked of it
        with open(supervisor.log_path, "ab") as log:
            supervisor.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                                  stderr=log, env=supervisor.environment)
        supervisor.manager.wait_for("READY=1", alive=lambda: supervisor.process.poll() is None)
        status = supervisor.status()
        self.assertEqual(2, status["available"])
        for _ in range(20):
            self.assertTrue(supervisor.get(listener=status["listeners"][0]["name"]).startswith("inline "))
        self.reload(supervisor)
        self.assertEqual(0, supervisor.stop())


if __name__ == "__main__":
    main()
