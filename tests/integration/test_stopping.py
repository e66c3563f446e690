"""The drain: pre-stop hook, stop signal, one grace period over both, SIGKILL, post-stop hook."""
import http.server
import os
import signal
import threading
import time

from harness import (PATIENCE, ServiceTest, alive, children, command_line, connect, main,
                     require_root, service, wait_until, worker)


class Drain(ServiceTest):

    def setUp(self):
        super().setUp()
        self.marks = self.directory / "marks"

    def marked(self, *options, **tables):
        return service(worker("--marks", self.marks, *options), **tables)

    def words(self):
        return [line.split()[0] for line in self.marks.read_text(encoding="utf-8").splitlines()]

    def times(self):
        return {line.split()[0]: float(line.split()[2])
                for line in self.marks.read_text(encoding="utf-8").splitlines()}

    def say(self, word):
        """A hook's command that adds a mark."""
        return ["/bin/sh", "-c", f"echo {word} $$ $(cut -d' ' -f1 /proc/uptime) >> {self.marks}"]

    def test_the_hooks_run_before_the_signal_and_after_the_exit(self):
        supervisor = self.start(self.marked(stop={
            "pre_stop": {"exec": self.say("before")}, "post_stop": {"exec": self.say("after")}}))
        self.assertEqual(0, supervisor.stop())
        self.assertEqual(["start", "ready", "before", "SIGTERM", "end", "after"], self.words())

    def test_a_worker_serves_while_its_pre_stop_hook_runs(self):
        go = self.directory / "go"
        hook = ["/bin/sh", "-c", f"until [ -e {go} ]; do sleep 0.02; done"]
        supervisor = self.start(self.marked(stop={"pre_stop": {"exec": hook}}))
        address = supervisor.address()
        supervisor.signal(15)
        supervisor.events.wait_for("worker_retired")
        status = supervisor.status()["workers"][0]
        self.assertEqual("draining", status["state"])
        self.assertIn("pre-stop hook", status["waits_for"])
        self.assertIn("of grace left", status["waits_for"])
        self.assertIn("pre-stop hook", supervisor.svc("status").stdout)
        with connect(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertIn(b"200 OK", client.recv(1000))
        go.touch()
        self.assertEqual(0, supervisor.wait())

    def test_a_sleep_is_a_hook(self):
        supervisor = self.start(self.marked(stop={"pre_stop": {"sleep": "700ms"}}))
        began = time.monotonic()
        supervisor.stop()
        self.assertGreaterEqual(self.times()["SIGTERM"] - began, 0.7)

    def test_a_signal_is_a_hook(self):
        supervisor = self.start(self.marked(stop={"pre_stop": {"signal": "SIGUSR2"}}))
        supervisor.stop()
        # A signal hook is over once it is sent: a worker that was not scheduled in between finds both
        # pending, and the kernel does not say which it sees first.
        words = self.words()
        self.assertEqual(["start", "ready", "SIGTERM", "SIGUSR2", "end"],
                         words[:2] + sorted(words[2:4]) + words[4:])

    def test_a_request_is_a_hook(self):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (http.server's name)
                asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/drain?worker=1"
        supervisor = self.start(self.marked(stop={"pre_stop": {"http": url, "method": "POST"}}))
        self.assertEqual(0, supervisor.stop())
        self.assertEqual(["/drain?worker=1"], asked)

    def test_a_hook_that_fails_is_told_and_the_drain_goes_on(self):
        supervisor = self.start(self.marked(stop={"pre_stop": {"exec": ["/bin/sh", "-c", "exit 7"]}}))
        self.assertEqual(0, supervisor.stop())
        self.assertIn("exit status 7", supervisor.log)
        self.assertEqual(["start", "ready", "SIGTERM", "end"], self.words())

    def test_a_hook_without_an_end_leaves_the_worker_min_stop_for_its_signal(self):
        supervisor = self.start(self.marked(stop={
            "pre_stop": {"exec": ["/bin/sleep", "1000"]}, "grace": "1h", "min_stop": "3599s"}))
        began = time.monotonic()
        self.assertEqual(0, supervisor.stop())
        self.assertEqual(["start", "ready", "SIGTERM", "end"], self.words())
        self.assertGreaterEqual(self.times()["SIGTERM"] - began, 0.9)

    def test_another_stop_signal_is_sent_where_the_service_file_says_so(self):
        supervisor = self.start(self.marked("--stop-signal", "SIGQUIT", stop={"signal": "SIGQUIT"}))
        supervisor.stop()
        self.assertEqual(["start", "ready", "SIGQUIT", "end"], self.words())

    def test_a_worker_that_ignores_its_signal_is_killed_with_all_its_children(self):
        supervisor = self.start(self.marked("--ignore-term", "--fork", "3", stop={
            "grace": "500ms", "min_stop": "100ms"}))
        pid = supervisor.pids()[0]
        group = [child for child in self.descendants(pid)]
        self.assertEqual(3, len(group))
        self.reload(supervisor)
        self.assertTrue(supervisor.events.of("worker_killed"))
        wait_until("the group to be gone", lambda: not any(map(alive, [pid, *group])))
        supervisor.stop()

    def descendants(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(word) for word in file.read().split()]

    def test_children_that_outlive_their_worker_are_not_left_behind(self):
        supervisor = self.start(self.marked("--fork", "2"))
        group = self.descendants(supervisor.pids()[0])
        self.assertEqual(0, supervisor.stop())
        wait_until("the children to be gone", lambda: not any(map(alive, group)))

    def test_a_worker_that_asks_for_more_time_gets_it(self):
        self.in_time(self.gets_more_time)

    def gets_more_time(self, seconds):
        self.marks = self.directory / "marks"
        supervisor = self.start(self.marked("--linger", seconds + 0.5, "--extend", "600000000", stop={
            "grace": f"{seconds}s", "min_stop": "100ms"}))
        began = time.monotonic()
        self.assertEqual(0, supervisor.stop())
        if self.times().get("extended", began + seconds) >= began + seconds:
            return False  # it came to ask when its time was over
        self.assertEqual("end", self.words()[-1])
        return True

    def test_more_time_than_grace_max_is_not_given(self):
        supervisor = self.start(self.marked("--linger", "1000", "--extend", "1000000000", stop={
            "grace": "500ms", "min_stop": "100ms", "grace_max": "1s"}))
        supervisor.stop()
        self.assertNotIn("end", self.words())

    def test_a_request_in_flight_is_finished_by_the_old_worker(self):
        supervisor = self.start()
        old = supervisor.pids()[0]
        flag = self.directory / "flag"
        with connect(supervisor.address()) as client:
            client.sendall(f"GET /until?v={flag} HTTP/1.1\r\n\r\n".encode())
            supervisor.get("/")  # taken in order: the slow one is being served
            reload = supervisor.start_svc("reload")
            supervisor.events.wait_for("worker_stopping", lambda event: event["revision"] == 1)
            flag.touch()
            answer = b"".join(iter(lambda: client.recv(1000), b""))
        out, err = reload.communicate(timeout=PATIENCE)
        self.assertEqual(0, reload.returncode, out + err)
        self.assertIn(b"200 OK", answer)
        self.assertTrue(answer.endswith(f"1 {old}".encode()), answer)

    def test_a_post_stop_hook_without_an_end_is_ended(self):
        supervisor = self.start(self.marked(stop={
            "post_stop": {"exec": ["/bin/sleep", "1000"], "timeout": "300ms"}}))
        self.assertEqual(0, supervisor.stop())


@require_root
class Unkillable(ServiceTest):
    """A supervisor without CAP_KILL may not signal the processes of another user: what happens with
    any program that changes its user, under a supervisor without privileges."""

    def setUp(self):
        super().setUp()
        self.supervisor = self.start(
            service(service={"user": "nobody"}, stop={"grace": "200ms", "min_stop": "100ms"}),
            prefix=("setpriv", "--bounding-set=-kill"))

    def end(self, pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(f"process {pid} to be gone", lambda: not alive(pid))

    def refused(self, pid):
        """Waits until the supervisor tells that it could not kill this one."""
        return self.supervisor.events.wait_for(
            "kill_failed", lambda event: f"end process {pid} by hand" in event["text"])

    def test_it_is_told_holds_up_no_reload_and_is_gone_once_it_was_ended_by_hand(self):
        old = self.supervisor.pids()[0]
        self.assertEqual(0, self.supervisor.svc("reload").returncode)
        self.refused(old)
        worker = self.supervisor.workers("killing")[0]
        self.assertEqual(old, worker["pid"])
        self.assertIn("cannot be killed: Operation not permitted", worker["waits_for"])
        self.assertIn(f"end process {old} by hand", self.supervisor.svc("status").stdout)
        self.end(old)
        self.supervisor.wait_status("the worker to be forgotten",
                                    lambda status: len(status["workers"]) == 1)
        self.leave(self.supervisor.pids()[0])

    def test_a_second_stop_does_not_wait_for_it(self):
        pid = self.supervisor.pids()[0]
        self.supervisor.signal(signal.SIGTERM)
        self.refused(pid)
        self.assertTrue(self.supervisor.status()["stopping"])
        self.leave(pid)

    def test_a_check_that_its_timeout_cannot_kill_is_given_up(self):
        self.in_time(self.gives_a_check_up)
        self.leave(self.supervisor.pids()[0])

    def gives_a_check_up(self, seconds):
        self.supervisor.write(service(service={
            "user": "nobody", "check": ["/bin/sleep", "1000"], "check_timeout": f"{seconds}s"}))
        refused = self.supervisor.svc("reload")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"timed out after {seconds}s", refused.stderr)
        left = [pid for pid in children(self.supervisor.pid) if "sleep" in command_line(pid)]
        if not left:  # it was not yet another user's
            return False
        self.assertEqual(1, len(left))
        self.assertIn(f"end process {left[0]} by hand", refused.stderr)
        self.end(left[0])
        return True

    def leave(self, pid):
        """Two stops: the supervisor ends, says what it left, and how."""
        if not self.supervisor.status()["stopping"]:
            self.supervisor.signal(signal.SIGTERM)
            self.refused(pid)
        asked = self.supervisor.start_svc("stop", "--now")
        self.assertEqual(1, self.supervisor.wait())
        said = "".join(asked.communicate(timeout=PATIENCE))
        self.assertEqual(1, asked.returncode, said)
        self.assertIn("left behind", said)
        self.assertIn(f"is left behind: cannot be killed: Operation not permitted; end process {pid}",
                      self.supervisor.log)
        self.assertTrue(alive(pid))
        self.end(pid)


if __name__ == "__main__":
    main()
